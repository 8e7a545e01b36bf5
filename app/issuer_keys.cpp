#include "app/issuer_keys.hpp"

#include "jobs/log.hpp"
#include "remote/http_client.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <fstream>
#include <netinet/in.h>
#include <string_view>
#include <sys/stat.h>
#include <utility>
#include <variant>

namespace alula::app {

namespace {

constexpr std::size_t largest_set = 1 << 20; ///< bytes

jobs::fault unreadable(const std::string& where, const std::string& why) {
  return {jobs::fault_code::io_error, where + " cannot be read: " + why, where};
}

/// The host of "http://host:port/path"; an address in brackets without them.
/// Empty for a URL with a user in it.
std::string host_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos)
    return {};
  url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#\\"));
  if (url.find('@') != std::string_view::npos)
    return {};
  if (url.starts_with('['))
    return std::string{url.substr(1, url.find(']') - 1)};
  return std::string{url.substr(0, url.find(':'))};
}

/// Whoever can change the keys on their way signs what they like: only a URL
/// of this machine may do without TLS.
bool is_safe(const std::string& url) {
  if (url.starts_with("https://") || url.starts_with("HTTPS://"))
    return true;
  const auto host = host_of(url);
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1)
    return (ntohl(v4.s_addr) >> 24) == 127;
  return host == "localhost" || host == "::1";
}

} // namespace

issuer_keys::issuer_keys(const config& settings, const jobs::clock& clock,
                         issuer_pace pace)
  : settings_{settings.api.jwt.issuer, settings.api.jwt.audience,
              std::chrono::duration_cast<std::chrono::seconds>(
                  settings.api.jwt.leeway),
              settings.api.jwt.secret},
    file_(settings.api.jwt.jwks_file), url_(settings.api.jwt.jwks_url),
    clock_(clock), pace_(pace) {}

issuer_keys::~issuer_keys() {
  stop();
}

jobs::status issuer_keys::start() {
  if (settings_.issuer.empty())
    return {};
  if (!url_.empty() && !is_safe(url_))
    return jobs::fault{jobs::fault_code::validation,
                       "api.jwt.jwks_url must begin with https://, unless it "
                       "is on this machine",
                       "api.jwt.jwks_url"};
  auto made = http::issuer::make(settings_, clock_);
  if (!made)
    return std::move(made).error();
  {
    const std::scoped_lock lock{mutex_};
    issuer_ = *made;
  }
  if (!file_.empty() || !url_.empty())
    thread_ = std::jthread{[this](const std::stop_token& stop) { run(stop); }};
  return {};
}

void issuer_keys::stop() {
  thread_.request_stop();
  if (thread_.joinable())
    thread_.join();
}

jobs::principal_ptr issuer_keys::find(std::string_view token) {
  std::shared_ptr<http::issuer> by;
  {
    const std::scoped_lock lock{mutex_};
    by = issuer_;
  }
  if (!by)
    return nullptr;
  auto who = by->find(token);
  if (!who && by->lacks_key_of(token))
    ask_for_newer();
  return who;
}

/// Whoever makes up names of keys may not have the issuer asked all the time.
void issuer_keys::ask_for_newer() {
  const auto now = clock_.now();
  const std::scoped_lock lock{sleeping_};
  if (asked_at_ != 0 && now >= asked_at_
      && now - asked_at_ < pace_.again.count())
    return;
  asked_at_ = now;
  is_asked_ = true;
  woken_.notify_all();
}

void issuer_keys::run(const std::stop_token& stop) {
  while (!stop.stop_requested())
    rest(stop, refresh(stop) ? pace_.refresh : pace_.again);
}

/// Until it is time, somebody asks, or the file is another one.
void issuer_keys::rest(const std::stop_token& stop,
                       std::chrono::milliseconds pause) {
  using clock = std::chrono::steady_clock;
  const auto until = clock::now() + pause;
  for (;;) {
    {
      std::unique_lock lock{sleeping_};
      const auto wake =
          url_.empty() ? std::min(until, clock::now() + pace_.look) : until;
      if (woken_.wait_until(lock, stop, wake, [this] { return is_asked_; })) {
        is_asked_ = false;
        return;
      }
    }
    if (stop.stop_requested() || clock::now() >= until
        || (url_.empty() && mark_of_file() != read_))
      return;
  }
}

issuer_keys::file_mark issuer_keys::mark_of_file() const {
  struct stat now {};
  if (::stat(file_.c_str(), &now) != 0)
    return {};
  return {now.st_ino, now.st_size,
          std::int64_t{now.st_mtim.tv_sec} * 1'000'000'000
              + now.st_mtim.tv_nsec};
}

bool issuer_keys::refresh(const std::stop_token& stop) {
  // Before it is read: what changes meanwhile is read again.
  if (url_.empty())
    read_ = mark_of_file();
  const auto set = read(stop);
  if (stop.stop_requested())
    return false;
  const auto taken = set ? issuer_->take_keys(*set) : jobs::status{set.error()};
  if (!taken)
    jobs::log(
        jobs::log_level::warning, "issuer-keys-failed",
        {{"from", url_.empty() ? file_ : url_}, {"why", taken.error().what}});
  return taken.has_value();
}

jobs::result<std::string> issuer_keys::read(const std::stop_token& stop) const {
  if (url_.empty()) {
    std::ifstream in{file_, std::ios::binary};
    std::string text(largest_set, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad() || (in.fail() && !in.eof()))
      return unreadable(file_, "the file is not there or may not be read");
    text.resize(static_cast<std::size_t>(in.gcount()));
    return text;
  }
  remote::http_client web{{}};
  remote::http_request ask;
  ask.url = url_;
  ask.max_body = largest_set;
  const auto outcome = web.send(ask, stop);
  if (const auto* failed = std::get_if<remote::http_error>(&outcome))
    return unreadable(url_, failed->what);
  const auto& answer = std::get<remote::http_answer>(outcome);
  constexpr int ok = 200;
  if (answer.status != ok)
    return unreadable(url_, "it answers " + std::to_string(answer.status));
  return answer.body;
}

} // namespace alula::app
