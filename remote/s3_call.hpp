/// One request to a store, before it is signed. For the sources of s3_store
/// only.
#pragma once

#include "remote/s3_store.hpp"

#include <string>
#include <utility>
#include <vector>

namespace alula::remote {

struct s3_store::call {
  std::string method = "GET";
  std::string key = {}; ///< without the prefix; empty: the bucket
  s3_query query = {};
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
};

} // namespace alula::remote
