#include "jobs/object_store.hpp"

#include <algorithm>

namespace alula::jobs {

namespace {

// docs.aws.amazon.com, "Amazon S3 multipart upload limits".
constexpr std::int64_t most_parts = 10'000;
constexpr std::int64_t least_part = std::int64_t{5} << 20;
constexpr std::int64_t mib = std::int64_t{1} << 20;

} // namespace

std::int64_t part_size_for(std::int64_t size, std::int64_t wanted) {
  const auto needed = (size + most_parts - 1) / most_parts;
  if (needed <= wanted)
    return std::max(wanted, least_part);
  return std::max((needed + mib - 1) / mib * mib, least_part);
}

} // namespace alula::jobs
