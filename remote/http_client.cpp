#include "remote/http_client.hpp"

#include "remote/curl_inbox.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

namespace alula::remote {

namespace {

using clock = inbox::clock;
using std::chrono::milliseconds;

/// Longest sleep in poll: libcurl's own timers want a look now and then.
constexpr milliseconds longest_nap{1'000};

void start_curl_once() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK)
    throw std::bad_alloc{}; // the one way it fails that is not a broken install
}

struct header_list {
  curl_slist* first = nullptr;
  header_list() = default;
  header_list(const header_list&) = delete;
  header_list& operator=(const header_list&) = delete;
  ~header_list() { curl_slist_free_all(first); }
  void add(const std::string& text) {
    auto* longer = curl_slist_append(first, text.c_str());
    if (longer == nullptr)
      throw std::bad_alloc{};
    first = longer;
  }
};

http_failure failure_of(CURLcode code) {
  switch (code) {
  case CURLE_OPERATION_TIMEDOUT:
    return http_failure::timed_out;
  case CURLE_COULDNT_CONNECT:
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_PEER_FAILED_VERIFICATION:
    return http_failure::unreachable;
  default:
    return http_failure::broken;
  }
}

milliseconds left_until(clock::time_point end) {
  return std::chrono::ceil<milliseconds>(end - clock::now());
}

} // namespace

// -- one connection ----------------------------------------------------------

/// An easy handle in a multi handle of its own: the multi handle keeps the
/// connection between requests, and can be woken from another thread, which
/// curl_easy_perform cannot. Used by one caller at a time.
class http_client::line {
public:
  explicit line(const std::string& unix_socket)
    : unix_socket_(unix_socket), multi_(curl_multi_init()),
      easy_(curl_easy_init()) {
    if (multi_ == nullptr || easy_ == nullptr) {
      close();
      throw std::bad_alloc{};
    }
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 1L);
  }
  ~line() { close(); }
  line(const line&) = delete;
  line& operator=(const line&) = delete;

  http_outcome exchange(const http_request& request,
                        const std::stop_token& stop);

private:
  void close() {
    if (easy_ != nullptr)
      curl_easy_cleanup(easy_);
    if (multi_ != nullptr)
      curl_multi_cleanup(multi_);
  }
  void prepare(const http_request& request, header_list& headers,
               header_list& names, inbox& in);
  std::optional<http_error> drive(const http_request& request, inbox& in,
                                  const std::stop_token& stop);
  http_error error_from(CURLcode code) const;

  const std::string& unix_socket_;
  open_sockets sockets_; ///< outlives the connections
  CURLM* multi_;
  CURL* easy_;
  char words_[CURL_ERROR_SIZE] = {};
};

void http_client::line::prepare(const http_request& request,
                                header_list& headers, header_list& names,
                                inbox& in) {
  const auto set = [this](CURLoption option, auto value) {
    if (curl_easy_setopt(easy_, option, value) == CURLE_OUT_OF_MEMORY)
      throw std::bad_alloc{};
  };
  curl_easy_reset(easy_); // options only: connections live in multi_
  words_[0] = '\0';
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_PROXY, "");
  if (!unix_socket_.empty())
    set(CURLOPT_UNIX_SOCKET_PATH, unix_socket_.c_str());
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_NOSIGNAL, 1L);
  // Else an aborted look-up waits for getaddrinfo to return.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS,
      std::max<long>(1, request.connect_limit.count()));
  if (request.silence <= milliseconds::zero())
    set(CURLOPT_TIMEOUT_MS, std::max<long>(1, request.limit.count()));
  set(CURLOPT_ERRORBUFFER, words_);
  if (!request.checks_certificate) {
    set(CURLOPT_SSL_VERIFYPEER, 0L);
    set(CURLOPT_SSL_VERIFYHOST, 0L);
  }
  set(CURLOPT_OPENSOCKETFUNCTION, &curl::open_socket);
  set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(&in));
  set(CURLOPT_CLOSESOCKETFUNCTION, &curl::close_socket);
  set(CURLOPT_CLOSESOCKETDATA, static_cast<void*>(&sockets_));
  if (!request.ca_file.empty())
    set(CURLOPT_CAINFO, request.ca_file.c_str());
  for (const auto& name : request.resolve)
    names.add(name);
  if (names.first != nullptr)
    set(CURLOPT_RESOLVE, names.first);
  if (request.send_rate > 0)
    set(CURLOPT_MAX_SEND_SPEED_LARGE,
        static_cast<curl_off_t>(request.send_rate));
  if (request.take_rate > 0) {
    set(CURLOPT_MAX_RECV_SPEED_LARGE,
        static_cast<curl_off_t>(request.take_rate));
    // libcurl looks at the rate after a hundred buffers at most
    // (lib/transfer.c, Curl_readwrite): half a second's worth.
    set(CURLOPT_BUFFERSIZE,
        static_cast<long>(std::clamp<std::int64_t>(request.take_rate / 200,
                                                   1'024, CURL_MAX_READ_SIZE)));
  }
  set(CURLOPT_WRITEFUNCTION, &curl::take_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&in));
  set(CURLOPT_HEADERFUNCTION, &curl::count_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&in));
  if (request.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (request.source != nullptr) {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_INFILESIZE_LARGE,
        static_cast<curl_off_t>(request.source->size()));
    set(CURLOPT_READFUNCTION, &curl::give_source);
    set(CURLOPT_READDATA, static_cast<void*>(&in));
    set(CURLOPT_SEEKFUNCTION, &curl::seek_source);
    set(CURLOPT_SEEKDATA, static_cast<void*>(&in));
    set(CURLOPT_UPLOAD_BUFFERSIZE, 262'144L);
    headers.add("Expect:");
  } else if (request.feed) {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_CUSTOMREQUEST, "POST");
    set(CURLOPT_READFUNCTION, &curl::give_feed);
    set(CURLOPT_READDATA, static_cast<void*>(&in));
    set(CURLOPT_UPLOAD_BUFFERSIZE, 262'144L);
    headers.add("Transfer-Encoding: chunked");
    headers.add("Expect:");
  } else if (request.method != "GET") {
    set(CURLOPT_POSTFIELDSIZE_LARGE,
        static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_POSTFIELDS, request.body.c_str());
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    // libcurl invents one for POSTFIELDS; ours come from the caller.
    headers.add("Content-Type:");
    headers.add("Expect:");
  }
  std::string text;
  for (const auto& [name, value] : request.headers) {
    text.assign(name).append(": ").append(value);
    headers.add(text);
  }
  set(CURLOPT_HTTPHEADER, headers.first);
}

http_error http_client::line::error_from(CURLcode code) const {
  http_error error{failure_of(code), 0, {}};
  long number = 0;
  if (curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &number) == CURLE_OK
      && error.kind == http_failure::unreachable)
    error.os_error = static_cast<int>(number);
  error.what = words_[0] != '\0' ? words_ : curl_easy_strerror(code);
  return error;
}

/// Runs the transfer in multi_ to its end; nothing means that it went well.
std::optional<http_error>
http_client::line::drive(const http_request& request, inbox& in,
                         const std::stop_token& stop) {
  const auto begin = clock::now();
  const bool may_last = request.silence > milliseconds::zero();
  const std::stop_callback wake{stop, [this] { curl_multi_wakeup(multi_); }};
  for (;;) {
    int running = 0;
    if (const auto code = curl_multi_perform(multi_, &running);
        code != CURLM_OK)
      return http_error{http_failure::broken, 0, curl_multi_strerror(code)};
    int queued = 0;
    while (auto* message = curl_multi_info_read(multi_, &queued))
      if (message->msg == CURLMSG_DONE) {
        if (message->data.result == CURLE_OK)
          return std::nullopt;
        return error_from(message->data.result);
      }
    if (stop.stop_requested())
      return http_error{http_failure::stopped, 0, "asked to stop"};
    if (may_last && sockets_.move())
      in.last_sign = clock::now();
    const bool awaits = in.feed_is_over && request.answer_limit.count() > 0;
    const auto silence = awaits ? request.answer_limit : request.silence;
    const auto left =
        left_until(may_last ? in.last_sign + silence : begin + request.limit);
    if (left <= milliseconds::zero())
      return http_error{http_failure::timed_out, 0, "no answer in time"};
    const auto nap = std::min(left, longest_nap);
    curl_multi_poll(multi_, nullptr, 0, static_cast<int>(nap.count()), nullptr);
  }
}

http_outcome http_client::line::exchange(const http_request& request,
                                         const std::stop_token& stop) {
  if (stop.stop_requested())
    return http_error{http_failure::stopped, 0, "asked to stop"};
  inbox in;
  in.easy = easy_;
  in.sockets = &sockets_;
  in.of = &request;
  in.stop = stop;
  in.max_body = request.max_body;
  if (request.take)
    in.take = &request.take;
  header_list headers;
  header_list names;
  prepare(request, headers, names, in);
  if (const auto code = curl_multi_add_handle(multi_, easy_); code != CURLM_OK)
    return http_error{http_failure::broken, 0, curl_multi_strerror(code)};
  auto error = drive(request, in, stop);
  // Also ends a transfer that is still under way, with its connection.
  curl_multi_remove_handle(multi_, easy_);
  if (in.too_large)
    return http_error{http_failure::too_large, 0,
                      "the answer exceeds "
                          + std::to_string(in.header_bytes > inbox::max_headers
                                               ? inbox::max_headers
                                               : request.max_body)
                          + " bytes"};
  if (in.had_enough)
    return http_error{http_failure::stopped, 0, "no more was wanted"};
  // A feed ends when it is asked to, perhaps before anybody here has looked.
  if (!in.unread.empty() && stop.stop_requested())
    return http_error{http_failure::stopped, 0, "asked to stop"};
  if (!in.unread.empty())
    return http_error{http_failure::unread, 0, in.unread};
  if (error && in.forbidden)
    return http_error{http_failure::forbidden, 0,
                      "the address may not be connected to"};
  if (error)
    return *std::move(error);
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  return http_answer{static_cast<int>(status), std::move(in.body),
                     std::move(in.head)};
}

// -- many --------------------------------------------------------------------

class http_client::pool {
public:
  explicit pool(http_client_settings settings)
    : settings_(std::move(settings)) {}

  std::unique_ptr<line> take() {
    {
      const std::lock_guard guard{mutex_};
      if (!idle_.empty()) { // the warmest first, so that the others grow old
        auto one = std::move(idle_.back());
        idle_.pop_back();
        return one;
      }
    }
    return std::make_unique<line>(settings_.unix_socket);
  }

  void give_back(std::unique_ptr<line> one) {
    const std::lock_guard guard{mutex_};
    if (idle_.size() < settings_.idle_connections)
      idle_.push_back(std::move(one));
  }

private:
  const http_client_settings settings_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<line>> idle_;
};

http_client::http_client(http_client_settings settings)
  : pool_(std::make_unique<pool>(std::move(settings))) {
  start_curl_once();
}

http_client::~http_client() = default;

http_outcome http_client::send(const http_request& request,
                               const std::stop_token& stop) {
  auto one = pool_->take();
  auto outcome = one->exchange(request, stop);
  // After a failure the next caller starts with a fresh connection.
  if (std::holds_alternative<http_answer>(outcome))
    pool_->give_back(std::move(one));
  return outcome;
}

std::string_view http_head::find(std::string_view name) const {
  for (const auto& [known, value] : headers)
    if (known == name)
      return value;
  return {};
}

std::string escape(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                       || (c >= '0' && c <= '9') || c == '-' || c == '.'
                       || c == '_' || c == '~';
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

} // namespace alula::remote
