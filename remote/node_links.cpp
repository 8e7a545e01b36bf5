#include "remote/node_links.hpp"

#include "jobs/body_pipe.hpp"
#include "remote/link_policy.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <utility>

namespace alula::remote {

using jobs::fault;
using jobs::fault_code;
using jobs::status;

namespace {

fault interrupted() {
  return {.code = fault_code::interrupted,
          .what = "asked to stop while the server was sent"};
}

/// Nothing in an archive is taken for it: 128 bits of chance.
std::string draw_boundary() {
  static constexpr char digits[] = "0123456789abcdef";
  std::random_device source;
  std::string out = "alula-";
  for (int i = 0; i < 32; ++i)
    out += digits[source() % 16];
  return out;
}

std::string before_archive(const std::string& boundary) {
  return "--" + boundary
         + "\r\nContent-Disposition: form-data; name=\"archive\"; "
           "filename=\"archive.tar.gz\"\r\n"
           "Content-Type: application/octet-stream\r\n\r\n";
}

/// The digits stand alone: nobody trims what is around them (trap 107).
std::string after_archive(const std::string& boundary,
                          const std::string& sha256) {
  return "\r\n--" + boundary
         + "\r\nContent-Disposition: form-data; name=\"checksum\"\r\n\r\n"
         + sha256 + "\r\n--" + boundary + "--\r\n";
}

/// What the other node says of why, for people: short, one line, and never our
/// own token.
std::string words_of(const http_answer& answer, const std::string& token) {
  constexpr std::size_t longest = 300;
  const auto read = nlohmann::json::parse(answer.body, nullptr, false);
  std::string words;
  for (const auto* name : {"detail", "error"})
    if (read.is_object() && words.empty() && read.contains(name)
        && read[name].is_string())
      words = read[name].get<std::string>();
  const auto secret = token.substr(token.rfind(' ') + 1);
  if (words.size() > longest || words.find(secret) != std::string::npos)
    return {};
  std::ranges::replace_if(
      words, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return words;
}

/// One push. The archive is made on the caller's thread and threads of the
/// maker's, and sent by a thread of its own; a megabyte is between them.
class exchange {
public:
  exchange(http_client& client, http_request request, std::stop_token stop)
    : client_(client), request_(std::move(request)),
      on_stop_(stop, [this] { sending_.request_stop(); }) {
    request_.feed = [this](std::span<char> into) { return feed(into); };
    body_.when_room([this] { wake(); });
    sender_ = std::jthread{[this] {
      outcome_ = client_.send(request_, sending_.get_token());
      body_.abandon();
      {
        const std::scoped_lock lock{mutex_};
        is_over_ = true;
      }
      wake();
    }};
  }

  ~exchange() { sending_.request_stop(); }
  exchange(const exchange&) = delete;
  exchange& operator=(const exchange&) = delete;

  /// True when the other node is connected to and takes what comes.
  bool connects() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return is_connected_ || is_over_; });
    return is_connected_;
  }

  /// Waits until there is room.
  status write(std::string_view piece) {
    {
      const std::scoped_lock lock{mutex_};
      has_room_ = false;
    }
    const auto taken = body_.push(piece);
    std::unique_lock lock{mutex_};
    if (taken == jobs::body_pipe::taken::full)
      changed_.wait(lock, [this] { return has_room_ || is_over_; });
    is_refused_ = taken == jobs::body_pipe::taken::abandoned || is_over_;
    if (is_refused_)
      return fault{.code = fault_code::node_refused,
                   .what = "the other node takes no more"};
    return {};
  }

  /// Calls `waits` at once and every second.
  const http_outcome& finish(const std::function<void()>& waits) {
    body_.finish();
    std::unique_lock lock{mutex_};
    do {
      lock.unlock();
      waits();
      lock.lock();
    } while (!changed_.wait_for(lock, std::chrono::seconds{1},
                                [this] { return is_over_; }));
    return *outcome_;
  }

  /// Breaks off: what is there of the body has no end.
  void give_up() {
    sending_.request_stop();
    await();
  }

  /// It is over, or will be by itself.
  const http_outcome& await() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return is_over_; });
    return *outcome_;
  }
  /// Whether write() has met the end of it.
  bool is_refused() {
    const std::scoped_lock lock{mutex_};
    return is_refused_;
  }

private:
  /// Asked first when there is a connection.
  std::optional<std::size_t> feed(std::span<char> into) {
    {
      const std::scoped_lock lock{mutex_};
      is_connected_ = true;
    }
    changed_.notify_all();
    auto got = body_.read(into, sending_.get_token());
    return got ? std::optional{*got} : std::nullopt;
  }

  void wake() {
    {
      const std::scoped_lock lock{mutex_};
      has_room_ = true;
    }
    changed_.notify_all();
  }

  http_client& client_;
  http_request request_;
  std::stop_source sending_;
  jobs::body_pipe body_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_connected_ = false, is_over_ = false;
  bool has_room_ = false, is_refused_ = false;
  std::optional<http_outcome> outcome_; ///< once it is over
  std::stop_callback<std::function<void()>> on_stop_;
  std::jthread sender_; ///< ends before what it uses
};

http_request request_to(const jobs::node_address& to,
                        const std::string& boundary,
                        const node_link_settings& settings) {
  http_request out;
  out.method = "POST";
  out.url = to.url;
  out.headers = {{"Authorization", to.token},
                 {"Content-Type", "multipart/form-data; boundary=" + boundary},
                 {"Accept", "application/json"}};
  out.connect_limit = settings.connect_limit;
  out.silence = settings.stall;
  out.answer_limit = settings.answer_limit;
  out.send_rate = settings.send_rate;
  out.max_body = std::size_t{64} << 10;
  out.ca_file = settings.ca_file;
  out.may_connect = [](const sockaddr& at) { return may_be_node(at); };
  return out;
}

status judge(const http_outcome& outcome, const std::string& host,
             const std::string& token, bool was_connected) {
  if (const auto* error = std::get_if<http_error>(&outcome)) {
    if (error->kind == http_failure::stopped)
      return interrupted();
    if (error->kind == http_failure::forbidden)
      return fault{.code = fault_code::link_refused,
                   .what = "no node can be where " + host + " leads",
                   .where = host};
    const bool is_safe = !was_connected
                         && (error->kind == http_failure::unreachable
                             || error->kind == http_failure::timed_out);
    return fault{.code = is_safe ? fault_code::node_unavailable
                                 : fault_code::node_refused,
                 .what = host
                         + (is_safe ? " cannot be reached: "
                                    : " did not take the server: ")
                         + error->what,
                 .where = host};
  }
  const auto& answer = std::get<http_answer>(outcome);
  if (answer.status == 200)
    return {};
  const auto words = words_of(answer, token);
  return fault{.code = fault_code::node_refused,
               .what = host + " did not take the server: it answers "
                       + std::to_string(answer.status)
                       + (words.empty() ? "" : ": " + words),
               .where = host};
}

} // namespace

http_node_links::http_node_links(node_link_settings settings)
  : settings_(std::move(settings)), client_({.idle_connections = 0}) {}

status http_node_links::check(const std::string& url) const {
  auto parts = check_node_url(url);
  return parts ? status{} : status{std::move(parts).error()};
}

status http_node_links::push(const jobs::node_address& to,
                             const jobs::archive_maker& make,
                             const std::function<void()>& awaits,
                             std::stop_token stop) {
  const auto parts = check_node_url(to.url);
  if (!parts)
    return parts.error();
  const auto boundary = draw_boundary();
  exchange with{client_, request_to(to, boundary, settings_), stop};
  if (!with.connects())
    return judge(with.await(), parts->host, to.token, false);
  auto sent = with.write(before_archive(boundary));
  auto made =
      sent ? make([&](std::string_view piece) { return with.write(piece); })
           : jobs::result<jobs::archive_made>{std::move(sent).error()};
  if (made)
    if (auto ended = with.write(after_archive(boundary, made->facts.sha256));
        !ended)
      made = std::move(ended).error();
  if (made)
    return judge(with.finish(awaits), parts->host, to.token, true);
  // Whichever came first: the maker's own failure, or the end of the exchange.
  if (!with.is_refused()) {
    with.give_up();
    return std::move(made).error();
  }
  auto told = judge(with.await(), parts->host, to.token, true);
  return told ? status{fault{.code = fault_code::node_refused,
                             .what = parts->host
                                     + " answered before it had everything",
                             .where = parts->host}}
              : told;
}

} // namespace alula::remote
