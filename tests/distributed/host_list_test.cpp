// Host lists and counts as SLURM writes them.
#include "distributed/host_list.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace nearfar {
namespace {

using Names = std::vector<std::string>;

TEST(HostList, ExpandsAsScontrolDoes) {
  EXPECT_EQ(expand_host_list("vm"), (Names{"vm"}));
  EXPECT_EQ(expand_host_list("host[5-9,12]"),
            (Names{"host5", "host6", "host7", "host8", "host9", "host12"}));
  EXPECT_EQ(expand_host_list("a[01,03-05]-ib,b7"),
            (Names{"a01-ib", "a03-ib", "a04-ib", "a05-ib", "b7"}));
  EXPECT_EQ(expand_host_list("n[098-101]"), (Names{"n098", "n099", "n100", "n101"}));
  EXPECT_EQ(expand_host_list("rack[1-2]n[01-02]"),
            (Names{"rack1n01", "rack1n02", "rack2n01", "rack2n02"}));
}

TEST(HostList, RefusesWhatIsNone) {
  for (const char* text : {"", "a,", ",a", "a[1", "a1]", "a[[1]]", "a[]", "a[x]", "a[3-1]",
                           "a[1-2-3]", "a[-1]", "a[0-99999999]", "a[1-999]b[1-999]"}) {
    EXPECT_THROW(expand_host_list(text), std::invalid_argument) << text;
  }
}

TEST(HostList, Counts) {
  EXPECT_EQ(expand_counts("4"), (std::vector<int>{4}));
  EXPECT_EQ(expand_counts("2(x3),1"), (std::vector<int>{2, 2, 2, 1}));
  for (const char* text : {"", "2(x", "2(x)", "2(x0)", "2(3)", "two", "2(x3", "2(x99999999)"}) {
    EXPECT_THROW(expand_counts(text), std::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace nearfar
