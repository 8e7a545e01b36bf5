#include "jobs/catalog.hpp"

namespace alula::jobs {

const kind* catalog::find(std::string_view name) const {
  for (const auto* known : kinds_)
    if (known->name == name)
      return known;
  return nullptr;
}

const catalog& standard_catalog() {
  static const catalog all{{&create_server, &delete_server, &undelete_server}};
  return all;
}

} // namespace alula::jobs
