#include "http/system_handlers.hpp"

#include "http/json_values.hpp"
#include "http/reply.hpp"

#include <nlohmann/json.hpp>

#include <chrono>

namespace alula::http {

using json = nlohmann::ordered_json;

namespace {

response answer_with(const json& body) {
  return json_answer(200, text_of(body));
}

response short_form(const jobs::machine_facts& machine,
                    std::chrono::hours restore_undo) {
  return answer_with({{"architecture", machine.architecture},
                      {"cpu_count", machine.cpu_threads},
                      {"kernel_version", machine.kernel_version},
                      {"os", "linux"},
                      {"version", machine.version},
                      {"restore_undo_hours", restore_undo.count()}});
}

response long_form(const jobs::machine_facts& machine,
                   const jobs::docker_facts& docker) {
  return answer_with(
      {{"version", machine.version},
       {"docker",
        {{"version", docker.version},
         {"cgroups",
          {{"driver", docker.cgroup_driver},
           {"version", docker.cgroup_version}}},
         {"containers",
          {{"total", docker.containers},
           {"running", docker.running},
           {"paused", docker.paused},
           {"stopped", docker.stopped}}},
         {"storage",
          {{"driver", docker.storage_driver},
           {"filesystem", docker.filesystem}}},
         {"runc", {{"version", docker.runc_version}}}}},
       {"system",
        {{"architecture", machine.architecture},
         {"cpu_threads", machine.cpu_threads},
         {"memory_bytes",
          docker.memory_bytes > 0 ? docker.memory_bytes : machine.memory_bytes},
         {"kernel_version", machine.kernel_version},
         {"os", docker.operating_system.empty() ? machine.os
                                                : docker.operating_system},
         {"os_type", "linux"}}}});
}

} // namespace

void show_system(const api_ptr& api, const exchange_ptr& call) {
  if (call->req().query_value("v") != "2")
    return call->reply(
        short_form(api->node.machine(), api->settings.restore_undo));
  api->node.docker([api, call](const jobs::result<jobs::docker_facts>& docker) {
    if (!docker)
      return reply_fault(call, docker.error());
    call->reply(long_form(api->node.machine(), *docker));
  });
}

} // namespace alula::http
