#include "storage/place_rows.hpp"

#include "storage/place_sql.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace alula::storage {

jobs::result<std::optional<jobs::transfer_record>>
read_transfer(database& db, const jobs::job_id& job) {
  std::optional<jobs::transfer_record> found;
  {
    auto row = db.ask(place_sql("transfer_of_job"), job.view());
    if (row.next()) {
      found.emplace();
      found->place = row.text(0);
      found->key = row.text(1);
      found->upload = row.text(2);
      const auto links = nlohmann::json::parse(row.text(3), nullptr, false);
      for (const auto& link : links)
        if (link.is_string())
          found->links.push_back(link.get<std::string>());
      found->part_size = row.integer(4);
      found->size = row.integer(5);
      found->etag = row.text(6);
      found->expires_at = row.integer(7);
    }
    if (auto ended = row.outcome(); !ended)
      return std::move(ended).error();
  }
  if (!found)
    return found;
  auto row = db.ask(place_sql("parts_of_transfer"), job.view());
  while (row.next())
    found->parts.push_back(
        {static_cast<int>(row.integer(0)), row.integer(1), row.text(2)});
  if (auto ended = row.outcome(); !ended)
    return std::move(ended).error();
  return found;
}

jobs::result<std::vector<jobs::remote_remains>>
read_remains(database& db, std::size_t limit) {
  std::vector<jobs::remote_remains> all;
  auto row = db.ask(place_sql("remains"), static_cast<std::int64_t>(limit));
  while (row.next())
    all.push_back({row.integer(0), row.text(1), row.text(2), row.text(3),
                   row.integer(4)});
  if (auto ended = row.outcome(); !ended)
    return std::move(ended).error();
  return all;
}

} // namespace alula::storage
