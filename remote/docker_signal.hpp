/// A signal for a container that may be frozen.
#pragma once

#include "jobs/result.hpp"
#include "remote/docker_answers.hpp"
#include "remote/http_client.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace alula::remote {

/// What is frozen cannot obey: dockerd refuses, before 17.12 even SIGKILL, or
/// keeps the signal for later. It is thawed then, and told once more unless it
/// was told. `post` sends a verb to the container; `was_paused`: as it was last
/// seen. The answer to the last telling.
template<class Post>
jobs::result<http_answer>
signal_thawed(const Post& post, std::string_view signal, bool was_paused) {
  const auto verb = "/kill?signal=" + escape(signal);
  auto sent = post(verb);
  if (!sent || (!was_paused && !is_paused(*sent)))
    return sent;
  const bool is_told = is_success(*sent);
  if (auto thawed = post("/unpause"); !thawed)
    return std::move(thawed).error();
  return is_told ? std::move(sent) : post(verb);
}

} // namespace alula::remote
