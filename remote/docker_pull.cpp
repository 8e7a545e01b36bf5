#include "remote/docker_pull.hpp"

#include "remote/docker_json.hpp"

#include <nlohmann/json.hpp>

namespace alula::remote {

using nlohmann::json;

namespace {

/// Layers whose state is remembered; beyond it every record is told.
constexpr std::size_t most_layers = 1'024;
constexpr std::size_t longest_text = 400;

/// dockerd's "[==>    ]  12.58MB/40.11MB" without the bar.
std::string_view without_bar(std::string_view progress) {
  if (const auto bar = progress.rfind(']'); bar != std::string_view::npos)
    progress.remove_prefix(bar + 1);
  while (progress.starts_with(' '))
    progress.remove_prefix(1);
  return progress;
}

std::string one_line(std::string text) {
  if (text.size() > longest_text)
    text.resize(longest_text);
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f')
      c = ' ';
  return text;
}

} // namespace

void pull_progress::read(std::string_view text, clock::time_point now) {
  const auto record = json::parse(text, nullptr, /* allow_exceptions */ false);
  if (!record.is_object())
    return;
  if (auto error = text_at(record, "error"); !error.empty()) {
    if (error_.empty())
      error_ = one_line(std::move(error));
    return;
  }
  const auto status = text_at(record, "status");
  if (status.empty())
    return;
  const auto id = text_at(record, "id");
  const auto progress = text_at(record, "progress");
  if (at_.size() < most_layers || at_.contains(id)) {
    auto& before = at_[id];
    if (before == status && !progress.empty()
        && now - told_ < std::chrono::seconds{1})
      return;
    before = status;
  }
  told_ = now;
  auto line = id.empty() ? status : id + ' ' + status;
  if (const auto far = without_bar(progress); !far.empty())
    line.append(1, ' ').append(far);
  tell_(one_line(std::move(line)));
}

bool pull_progress::take(std::string_view bytes, clock::time_point now) {
  return records_.feed(bytes, [&](auto record) { read(record, now); });
}

} // namespace alula::remote
