#include "backup/extraction_account.hpp"

#include "backup/report_pace.hpp"

namespace alula::backup {

jobs::status extraction_account::look_at_stop() const {
  if (!stop_.stop_requested())
    return {};
  return jobs::fault{.code = jobs::fault_code::interrupted,
                     .what = "the extraction was asked to stop"};
}

void extraction_account::note(std::string_view path, std::string what) {
  ++made_.noted;
  if (made_.notes.size() < settings_.max_notes)
    made_.notes.push_back({std::string{path}, std::move(what)});
}

jobs::status extraction_account::count_bytes(std::size_t size) {
  made_.bytes += static_cast<std::int64_t>(size);
  since_told_ += size;
  if (since_told_ < bytes_between_reports)
    return {};
  tell();
  return look_at_stop();
}

void extraction_account::count_file() {
  if (++made_.files % static_cast<std::int64_t>(files_between_reports) == 0)
    tell();
}

void extraction_account::tell() {
  since_told_ = 0;
  if (settings_.tell)
    settings_.tell({made_.files, made_.bytes});
}

} // namespace alula::backup
