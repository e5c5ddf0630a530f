// A connection as the store that c10d's backends meet in: every call has an end.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "distributed/c10d_store.h"

namespace nearfar {

/// Keys get a prefix; waiting asks again and again, so that the connection stays free for others.
class SharedStore final : public c10d::Store {
 public:
  SharedStore(std::shared_ptr<StoreConnection> connection, std::string prefix,
              std::chrono::milliseconds bound)
      : c10d::Store(bound),
        connection_(std::move(connection)),
        prefix_(std::move(prefix)),
        bound_(bound) {}

  using c10d::Store::compareSet;
  using c10d::Store::set;
  c10::intrusive_ptr<c10d::Store> clone() override;
  void set(const std::string& key, const std::vector<uint8_t>& value) override;
  std::vector<uint8_t> compareSet(const std::string& key, const std::vector<uint8_t>& expected,
                                  const std::vector<uint8_t>& desired) override;
  std::vector<uint8_t> get(const std::string& key) override;
  int64_t add(const std::string& key, int64_t value) override;
  bool deleteKey(const std::string& key) override;
  bool check(const std::vector<std::string>& keys) override;
  int64_t getNumKeys() override;
  void wait(const std::vector<std::string>& keys) override;
  void wait(const std::vector<std::string>& keys,
            const std::chrono::milliseconds& timeout) override;

 private:
  std::shared_ptr<StoreConnection> connection_;
  std::string prefix_;
  std::chrono::milliseconds bound_;
};

}  // namespace nearfar
