#include "http/event_text.hpp"

#include "http/json_values.hpp"
#include "http/timestamps.hpp"

#include <nlohmann/json.hpp>

namespace alula::http {

namespace {

/// One `data:` line per line of the text; an event may hold no bare newline.
void add_data(std::string& out, std::string_view text) {
  for (;;) {
    const auto end = text.find_first_of("\r\n");
    out += "data: ";
    out += text.substr(0, end);
    out += '\n';
    if (end == std::string_view::npos)
      return;
    text.remove_prefix(end + 1);
  }
}

} // namespace

std::string event_text(const jobs::event& e) {
  using json = nlohmann::ordered_json;
  auto data = json::parse(e.data, nullptr, false);
  if (data.is_discarded())
    data = e.data;
  const json envelope{{"seq", e.seq},
                      {"type", e.type},
                      {"job", text_or_null(e.job.view())},
                      {"kind", text_or_null(e.kind)},
                      {"server", text_or_null(e.server.view())},
                      {"version", e.job_version},
                      {"at", to_rfc3339(e.at)},
                      {"data", std::move(data)}};
  std::string out =
      "id: " + std::to_string(e.seq) + "\nevent: " + e.type + '\n';
  add_data(out, text_of(envelope));
  return out += '\n';
}

std::string progress_text(const jobs::job_view& job) {
  std::string out = "event: job.progress\n";
  add_data(out, job.json());
  return out += '\n';
}

std::string reset_text(std::int64_t seq,
                       const std::vector<jobs::job_view_ptr>& jobs,
                       bool has_more, std::size_t limit) {
  std::string list;
  for (const auto& job : jobs) {
    const auto& text = job->json();
    if (!list.empty() && list.size() + text.size() > limit) {
      has_more = true;
      break;
    }
    if (!list.empty())
      list += ',';
    list += text;
  }
  std::string out = "id: " + std::to_string(seq) + "\nevent: reset\n";
  add_data(out, "{\"jobs\":[" + list
                    + "],\"has_more\":" + (has_more ? "true" : "false") + '}');
  return out += '\n';
}

bool is_last_event(std::string_view type) {
  return type == "job.succeeded" || type == "job.failed"
         || type == "job.cancelled";
}

} // namespace alula::http
