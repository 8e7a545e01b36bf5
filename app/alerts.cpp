#include "app/alerts.hpp"

#include "jobs/advice.hpp"
#include "jobs/log.hpp"
#include "jobs/server_config.hpp"
#include "remote/http_client.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <future>
#include <limits>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <thread>
#include <utility>

namespace alula::app {

namespace {

using json = nlohmann::ordered_json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Of its users' choosing: what chats read as a call to everybody, or as a link
/// with other words on it, is taken out.
std::string harmless(std::string name) {
  std::ranges::replace_if(
      name,
      [](unsigned char c) {
        return c < ' ' || c == 0x7f || c == '<' || c == '>' || c == '@';
      },
      '_');
  for (auto at = name.find("]("); at != std::string::npos; at = name.find("]("))
    name.replace(at, 2, "] (");
  return name;
}

/// As people know it, where it is known: "castle (<uuid>)".
std::string called(const jobs::server_record* known, const std::string& uuid) {
  if (!known)
    return uuid;
  const auto config = jobs::parse_server_config(known->config);
  return config && !config->name.empty()
             ? harmless(config->name) + " (" + uuid + ")"
             : uuid;
}

bool is_alarming(std::string_view type) {
  return type == "job.failed" || type == "job.parked";
}

/// `text` is what Slack and Mattermost show, `content` what Discord shows: both
/// make a link of `url`. Discord calls nobody, whatever stands in it.
std::string body_of(std::string event, const std::string& node,
                    const std::string& sentence, const std::string& url,
                    json more) {
  const auto text = url.empty() ? sentence : sentence + " " + url;
  json out{{"event", std::move(event)},
           {"node", node},
           {"text", text},
           {"content", text},
           {"allowed_mentions", {{"parse", json::array()}}},
           {"url", url.empty() ? json(nullptr) : json(url)}};
  out.update(more);
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace

class alerts::teller {
public:
  teller(alert_settings settings, jobs::engine& engine,
         jobs::backup_desk& backups, const jobs::clock& clock)
    : settings_(std::move(settings)), engine_(engine), backups_(backups),
      clock_(clock) {}
  ~teller() { stop(); }
  teller(const teller&) = delete;
  teller& operator=(const teller&) = delete;

  void start() {
    if (settings_.url.empty() || thread_.joinable())
      return;
    thread_ = std::jthread{[this](const std::stop_token& stop) { run(stop); }};
  }

  void stop() {
    if (!thread_.joinable())
      return;
    thread_.request_stop();
    thread_.join();
    listening_.reset();
  }

private:
  void run(const std::stop_token& stop);
  /// False when it stops, or the ledger could not be read.
  bool read_on(const std::stop_token& stop);
  void look_at_backups(const std::stop_token& stop);
  bool tell_of_job(const jobs::event& what, const std::stop_token& stop);
  enum class told { taken, given_up, stopped };
  told tell(const std::string& body, const std::stop_token& stop);
  bool is_taken(const std::string& body, const std::stop_token& stop);
  void listen();
  std::string link_to(std::string_view what, std::string_view id) const {
    return settings_.links.empty()
               ? std::string{}
               : settings_.links + std::string{what} + "/" + std::string{id};
  }
  void load_cursor(const std::stop_token& stop);
  void save_cursor() const;

  /// Waits for what happens, at most so long.
  void pause(const std::stop_token& stop, milliseconds most) {
    std::unique_lock guard{mutex_};
    happened_.wait_for(guard, stop, most, [this] { return news_; });
    news_ = false;
  }
  /// Waits though something may happen.
  void sleep(const std::stop_token& stop, milliseconds how_long) {
    std::unique_lock guard{mutex_};
    happened_.wait_for(guard, stop, how_long, [] { return false; });
  }

  /// What the engine calls back with; nothing when it stops before that.
  template<class T, class Ask>
  std::optional<T> await(const std::stop_token& stop, Ask ask) {
    auto promise = std::make_shared<std::promise<std::optional<T>>>();
    auto answer = promise->get_future();
    ask([promise](const jobs::result<T>& got) {
      promise->set_value(got ? std::optional<T>{*got} : std::nullopt);
    });
    while (answer.wait_for(milliseconds{100}) != std::future_status::ready)
      if (stop.stop_requested())
        return std::nullopt;
    return answer.get();
  }

  const alert_settings settings_;
  jobs::engine& engine_;
  jobs::backup_desk& backups_;
  const jobs::clock& clock_;
  remote::http_client http_{{}};
  std::int64_t cursor_ = -1;
  std::set<std::string> without_backup_; ///< told of already
  std::mutex mutex_;
  std::condition_variable_any happened_;
  bool news_ = false;
  bool lost_ = false;
  std::unique_ptr<jobs::subscription> listening_;
  std::jthread thread_;
};

void alerts::teller::listen() {
  {
    const std::scoped_lock guard{mutex_};
    if (listening_ && !lost_)
      return;
    lost_ = false;
  }
  listening_ = engine_.subscribe({}, [this](const jobs::event_batch& batch) {
    const bool matters =
        batch.lost || std::ranges::any_of(batch.events, [](const auto& e) {
          return is_alarming(e->type);
        });
    if (!matters)
      return;
    {
      const std::scoped_lock guard{mutex_};
      news_ = true;
      lost_ = lost_ || batch.lost;
    }
    happened_.notify_all();
  });
}

/// The first time nothing old is told.
void alerts::teller::load_cursor(const std::stop_token& stop) {
  std::ifstream in{settings_.cursor_file};
  if (in >> cursor_)
    return;
  constexpr auto beyond = std::numeric_limits<std::int64_t>::max() - 1;
  const auto end = await<jobs::event_page>(stop, [&](auto then) {
    engine_.events_after(beyond, {}, 1, std::move(then));
  });
  cursor_ = end ? end->last_seq : -1;
  if (end)
    save_cursor();
}

/// Not synced: after a power cut something is told twice.
void alerts::teller::save_cursor() const {
  const auto draft = settings_.cursor_file.string() + ".part";
  std::ofstream{draft, std::ios::trunc} << cursor_ << '\n';
  std::error_code error;
  std::filesystem::rename(draft, settings_.cursor_file, error);
}

void alerts::teller::run(const std::stop_token& stop) {
  constexpr milliseconds look_again = std::chrono::minutes{1};
  auto backups_due = steady_clock::now();
  while (!stop.stop_requested()) {
    listen();
    if (cursor_ < 0)
      load_cursor(stop);
    while (cursor_ >= 0 && read_on(stop)) {
    }
    if (settings_.backup_age.count() > 0
        && steady_clock::now() >= backups_due) {
      look_at_backups(stop);
      backups_due = steady_clock::now() + settings_.backups_every;
    }
    pause(stop, std::min(look_again, settings_.backups_every));
  }
}

bool alerts::teller::read_on(const std::stop_token& stop) {
  constexpr std::size_t at_once = 200;
  const auto page = await<jobs::event_page>(stop, [&](auto then) {
    engine_.events_after(cursor_, {}, at_once, std::move(then));
  });
  if (!page)
    return false;
  const auto before = cursor_;
  for (const auto& event : page->items) {
    if (is_alarming(event.type) && !tell_of_job(event, stop))
      break; // it stops: told by the next start
    cursor_ = event.seq;
  }
  // A cursor of another ledger, or older than the log reaches.
  if (page->items.empty() && cursor_ != page->last_seq)
    cursor_ = page->last_seq;
  if (cursor_ != before)
    save_cursor();
  return !stop.stop_requested() && page->items.size() == at_once;
}

bool alerts::teller::tell_of_job(const jobs::event& what,
                                 const std::stop_token& stop) {
  const jobs::log_scope whose{"job", what.job.view()};
  const auto job = await<jobs::job_view_ptr>(
      stop, [&](auto then) { engine_.find(what.job, std::move(then)); });
  if (!job)
    return !stop.stop_requested(); // its record was forgotten
  auto about = json::parse((*job)->json());
  std::string sentence =
      what.kind + " " + (what.type == "job.parked" ? "needs you" : "failed");
  if (!what.server.empty())
    sentence += ", server "
                + called(engine_.find_server(what.server).get(),
                         what.server.to_string());
  if ((*job)->record().error)
    sentence += ": " + (*job)->record().error->what;
  else if (!(*job)->record().message.empty())
    sentence += ": " + (*job)->record().message;
  if (const auto advice = jobs::advice_about((*job)->record()); !advice.empty())
    sentence += (sentence.ends_with('.') ? " " : ". ") + advice;
  return tell(body_of(what.type, settings_.node, sentence,
                      link_to("jobs", what.job.view()),
                      {{"at", what.at}, {"job", std::move(about)}}),
              stop)
         != told::stopped;
}

void alerts::teller::look_at_backups(const std::stop_token& stop) {
  const auto usage = await<jobs::backup_usage>(
      stop, [&](auto then) { backups_.usage(std::move(then)); });
  if (!usage)
    return;
  const auto oldest =
      clock_.now()
      - std::chrono::duration_cast<milliseconds>(settings_.backup_age).count();
  std::map<std::string, jobs::time_ms> newest;
  for (const auto& one : usage->servers)
    newest[one.server.to_string()] = one.newest_at;
  for (const auto& server : engine_.list_servers()) {
    const auto uuid = server->uuid.to_string();
    // A server that is younger than that owes none yet.
    if (std::max(newest[uuid], server->created_at) >= oldest) {
      without_backup_.erase(uuid);
      continue;
    }
    if (without_backup_.contains(uuid))
      continue;
    const auto sentence =
        "server " + called(server.get(), uuid) + " has had no good backup for "
        + std::to_string(settings_.backup_age.count()) + " hours";
    const jobs::log_scope whose{"server", uuid};
    // Given up: the next look tells it, and does not ask for each server how
    // long nobody listens.
    if (tell(body_of("backup.missing", settings_.node, sentence,
                     link_to("servers", uuid),
                     {{"at", clock_.now()},
                      {"server", uuid},
                      {"newest_at", newest[uuid] == 0 ? json(nullptr)
                                                      : json(newest[uuid])}}),
             stop)
        != told::taken)
      return;
    without_backup_.insert(uuid);
  }
}

bool alerts::teller::is_taken(const std::string& body,
                              const std::stop_token& stop) {
  remote::http_request request;
  request.method = "POST";
  request.url = settings_.url;
  request.body = body;
  request.headers = {{"Content-Type", "application/json"},
                     {"User-Agent", "alula"}};
  if (!settings_.token.empty())
    request.headers.emplace_back("Authorization", "Bearer " + settings_.token);
  request.limit = std::chrono::seconds{15};
  const auto outcome = http_.send(request, stop);
  const auto* answer = std::get_if<remote::http_answer>(&outcome);
  return answer && remote::is_success(*answer);
}

/// Stopped only when it stops before it is told or given up.
alerts::teller::told alerts::teller::tell(const std::string& body,
                                          const std::stop_token& stop) {
  auto wait = settings_.first_pause;
  constexpr milliseconds longest = std::chrono::minutes{10};
  for (int i = 0; i < settings_.most_tries; ++i) {
    if (is_taken(body, stop))
      return told::taken;
    if (stop.stop_requested())
      return told::stopped;
    if (i == 0)
      jobs::log(jobs::log_level::warning, "alert-delayed");
    sleep(stop, wait);
    wait = std::min(wait * 2, longest);
  }
  if (stop.stop_requested())
    return told::stopped;
  jobs::log(jobs::log_level::error, "alert-given-up");
  return told::given_up;
}

alerts::alerts(alert_settings settings, jobs::engine& engine,
               jobs::backup_desk& backups, const jobs::clock& clock)
  : teller_(
      std::make_unique<teller>(std::move(settings), engine, backups, clock)) {}

alerts::~alerts() = default;

void alerts::start() {
  teller_->start();
}

void alerts::stop() {
  teller_->stop();
}

} // namespace alula::app
