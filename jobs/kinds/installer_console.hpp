/// Listens to an installer, for the step that runs it. For the sources of kinds
/// only.
#pragma once

#include "jobs/container_streams.hpp"
#include "jobs/ids.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>

namespace alula::jobs {

class audience;

/// Passes on what the installer says, keeps it, and tells when it has ended.
/// Streams may hold on to it for longer than the step runs. Any thread.
class installer_console final : public container_listener {
public:
  /// `to` must live until `hear_no_more`.
  installer_console(audience& to, server_id server);

  void line(std::string_view text) override;
  void sample(const resource_sample&) override {}
  void ended() override;

  /// Nobody of the step's is there any more.
  void hear_no_more();

  std::int64_t lines() const;

  /// The first 8 MiB of what was heard; says where it was attached anew.
  std::string text() const;

  /// Nobody listened for a while between two lines.
  bool has_gap() const;

  /// The last line that was heard.
  std::string newest() const;

  /// Until the console has ended (true), somebody asks to stop, or a while is
  /// over.
  bool wait(std::stop_token stop, std::chrono::milliseconds limit);

  /// The installer may have ended: ends `listen` and `rest`, also the next one.
  void wake();

  /// As `wait`, and until somebody wakes it.
  void listen(std::stop_token stop, std::chrono::milliseconds limit);

  /// So long, or until somebody wakes it or asks to stop.
  void rest(std::stop_token stop, std::chrono::milliseconds time);

  /// Before it is attached again to one that runs on: it has not ended.
  void listen_anew();

private:
  audience& to_;
  const server_id server_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool heard_ = true, over_ = false, anew_ = false, has_gap_ = false,
       woken_ = false;
  std::int64_t lines_ = 0;
  std::string text_;
  std::string newest_;
};

} // namespace alula::jobs
