// Readers of the binary versions of CIFAR-10 and CIFAR-100 (cs.toronto.edu/~kriz/cifar.html).
#pragma once

#include <string>

#include "framework/data/open.h"

namespace nearfar {

/// The folder with the files: `folder` itself or its cifar-10-batches-bin; empty where neither
/// holds data_batch_1.bin or test_batch.bin.
std::string find_cifar10(const std::string& folder);
/// The same for cifar-100-binary, train.bin and test.bin.
std::string find_cifar100(const std::string& folder);

/// Opens data_batch_1..5.bin (records of one label byte and 3072 bytes of R, G, B planes, 32x32)
/// and test_batch.bin, resident. Class names from batches.meta.txt. Throws DataError naming the
/// file for a missing training file, a size that is no whole number of records, and labels out of
/// range.
DataParts open_cifar10(const std::string& folder, const std::string& name);

/// Opens train.bin and test.bin (records of a coarse label, a fine label, 3072 bytes), resident,
/// with the fine labels. Class names from fine_label_names.txt. Throws like open_cifar10.
DataParts open_cifar100(const std::string& folder, const std::string& name);

}  // namespace nearfar
