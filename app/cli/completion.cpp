// Shell completion out of the commands themselves, so that it cannot lag
// behind them.
#include "app/cli/commands.hpp"
#include "app/cli/terminal.hpp"
#include "jobs/catalog.hpp"
#include "jobs/job.hpp"

#include <CLI/CLI.hpp>

#include <string_view>
#include <vector>

namespace alula::app::cli {

namespace {

/// What completes a word: of the node, by name (values.cpp); "file"; words of
/// a fixed set, as =a,b,c; "-" for what nobody knows.
using wish = std::string;

std::string joined(const std::vector<std::string>& words) {
  std::string out = "=";
  for (const auto& word : words)
    out += (out.size() == 1 ? "" : ",") + word;
  return out;
}

wish kinds_of_jobs() {
  std::vector<std::string> out;
  for (const auto* kind : jobs::standard_catalog().all())
    out.emplace_back(kind->name);
  return joined(out);
}

wish states_of_jobs() {
  using enum jobs::job_state;
  std::vector<std::string> out;
  for (const auto state : {queued, running, retry_wait, cancelling, parked,
                           succeeded, failed, cancelled})
    out.emplace_back(jobs::to_string(state));
  return joined(out);
}

/// The words of a check for membership, "TEXT:{open,dead,all}" as CLI11 has it.
wish words_of_check(const CLI::Option& option) {
  const auto type = option.get_type_name();
  const auto begin = type.find('{'), end = type.find('}');
  return begin == std::string::npos || end == std::string::npos
             ? wish{}
             : "=" + type.substr(begin + 1, end - begin - 1);
}

wish wish_of_job(std::string_view command) {
  if (command == "cancel")
    return "live-job-ids";
  if (command == "retry")
    return "stopped-job-ids";
  if (command == "abandon")
    return "parked-job-ids";
  if (command == "undo")
    return "restore-ids";
  return command == "restore" ? "trash-ids" : "job-ids";
}

/// Of a word that stands for itself, by the name it has in the help.
wish wish_of_word(const CLI::Option& word, const CLI::App& command) {
  const auto name = word.get_name(true);
  const auto* parent = command.get_parent();
  const bool of_system = parent && parent->get_name() == "systems";
  if (name == "JOB")
    return wish_of_job(command.get_name());
  if (name == "SERVER")
    return "server-ids";
  if (name == "BACKUP")
    return of_system ? "-" : "backup-ids";
  if (name == "SYSTEM")
    return "system-ids";
  if (name == "POOL")
    return "pool-names";
  if (name == "REPORT")
    return "report-ids";
  if (name == "TOKEN")
    return "token-ids";
  if (name == "STORE")
    return "store-names";
  if (name == "PLACE")
    return "place-names";
  if (name == "FILE" || name == "file")
    return "file";
  const auto fixed = words_of_check(word);
  return fixed.empty() ? "-" : fixed;
}

wish wish_of_option(const std::string& name, const CLI::Option& option) {
  for (const auto* file :
       {"config", "config-path", "data", "token-file", "output"})
    if (name == file)
      return "file";
  if (name == "server" || name == "servers")
    return "server-ids";
  if (name == "system" || name == "systems")
    return "system-ids";
  if (name == "place")
    return "store-names";
  if (name == "kind")
    return kinds_of_jobs();
  const auto fixed = words_of_check(option);
  if (name == "state" && fixed.empty())
    return states_of_jobs();
  return fixed.empty() ? "-" : fixed;
}

/// What one command offers, as three variables of the script.
class offer {
public:
  explicit offer(const CLI::App& command) {
    for (const auto* sub : seen_commands(command))
      words_ += sub->get_name() + " ";
    add_options(command);
    if (const auto* parent = command.get_parent();
        parent && parent->get_parent())
      add_options(*parent);
    for (const auto* option : command.get_options())
      if (option->get_positional())
        places_ += wish_of_word(*option, command) + " ";
  }

  static std::vector<const CLI::App*> seen_commands(const CLI::App& of) {
    return of.get_subcommands(
        [](const CLI::App* one) { return !one->get_group().empty(); });
  }

  std::string text() const {
    return "offers=\"" + words_ + "\" places=\"" + places_ + "\" wants=\""
           + wants_ + "\"";
  }

private:
  void add_options(const CLI::App& of) {
    for (const auto* option : of.get_options()) {
      for (const auto& name : option->get_lnames())
        add_name("--" + name, name, *option);
      for (const auto& name : option->get_snames())
        if (option->get_items_expected_max() > 0
            && !option->get_lnames().empty())
          wants_ += "-" + name + ":"
                    + wish_of_option(option->get_lnames().front(), *option)
                    + " ";
    }
  }
  void add_name(const std::string& shown, const std::string& name,
                const CLI::Option& option) {
    words_ += shown + " ";
    if (option.get_items_expected_max() > 0) // no flag
      wants_ += shown + ":" + wish_of_option(name, option) + " ";
  }

  std::string words_, places_, wants_;
};

/// "jobs show") offers=…" for every command, the deepest first.
void add_cases(std::string& out, const CLI::App& app, const std::string& path) {
  for (const auto* sub : offer::seen_commands(app))
    add_cases(out, *sub,
              path.empty() ? sub->get_name() : path + " " + sub->get_name());
  out += "    \"" + path + "\") " + offer{app}.text() + " ;;\n";
}

std::string cases_of(const CLI::App& app) {
  std::string cases;
  add_cases(cases, app, "");
  return cases;
}

std::string bash_completion(const CLI::App& app) {
  return R"bash(# Completion of alula for bash; made by: alula completion bash
_alula() {
  local word at="" offers="" places="" wants="" option="" given=() node=()
  local now="${COMP_WORDS[COMP_CWORD]}"
  _alula_at ""
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [[ $word == "=" ]]; then # readline splits --option=value
      continue
    elif [[ -n $option ]]; then
      case $option in
        --config|--data|--url|--token|--token-file) node+=("$option" "$word") ;;
      esac
      option=""
    elif [[ $word == -* ]]; then
      [[ " $wants" == *" $word:"* ]] && option=$word
    elif [[ " $offers" == *" $word "* ]]; then
      at="${at:+$at }$word"
      _alula_at "$at"
    else
      given+=("$word")
    fi
  done
  if [[ -n $option ]]; then
    [[ $now == "=" ]] && now=""
    word=" $wants"
    word="${word#* $option:}"
    _alula_offer "${word%% *}"
  elif [[ $now == -* ]]; then
    COMPREPLY=($(compgen -W "$offers" -- "$now"))
  else
    local all=($places)
    _alula_offer "${all[${#given[@]}]:--}"
    [[ ${#given[@]} -gt 0 || ${#COMPREPLY[@]} -gt 0 ]] ||
      COMPREPLY=($(compgen -W "$offers" -- "$now"))
  fi
}
_alula_offer() {
  case "$1" in
    -) COMPREPLY=() ;;
    file) COMPREPLY=($(compgen -f -- "$now")) ;;
    =*) word="${1#=}"; COMPREPLY=($(compgen -W "${word//,/ }" -- "$now")) ;;
    *) COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" values "$1" ${given[0]+"${given[0]}"} \
         ${node[0]+"${node[@]}"} 2>/dev/null </dev/null)" -- "$now")) ;;
  esac
}
_alula_at() {
  case "$1" in
)bash" + cases_of(app)
         + R"bash(  esac
}
complete -F _alula alula
)bash";
}

/// `words`, `path` and `CURRENT` are zsh's own, so the table has other names.
std::string zsh_completion(const CLI::App& app) {
  return R"zsh(#compdef alula
# Completion of alula for zsh; made by: alula completion zsh
_alula() {
  local word at="" offers="" places="" wants="" option=""
  local now="${words[CURRENT]}"
  local -a given node all
  _alula_at ""
  for word in "${(@)words[2,CURRENT-1]}"; do
    if [[ -n $option ]]; then
      _alula_node "$option" "$word"
      option=""
    elif [[ $word == --*=* ]]; then
      _alula_node "${word%%=*}" "${word#*=}"
    elif [[ $word == -* ]]; then
      [[ " $wants" == *" $word:"* ]] && option=$word
    elif [[ " $offers" == *" $word "* ]]; then
      at="${at:+$at }$word"
      _alula_at "$at"
    else
      given+=("$word")
    fi
  done
  if [[ -z $option && $now == --*=* && " $wants" == *" ${now%%=*}:"* ]]; then
    option="${now%%=*}"
    compset -P '*='
  fi
  if [[ -n $option ]]; then
    word=" $wants"
    word="${word#* $option:}"
    _alula_offer "${word%% *}"
  elif [[ $now == -* ]]; then
    compadd -- ${=offers}
  else
    all=(${=places})
    _alula_offer "${all[$#given + 1]:--}" || (( $#given )) ||
      compadd -- ${=offers}
  fi
}
_alula_node() {
  case $1 in
    --config|--data|--url|--token|--token-file) node+=("$1" "$2") ;;
  esac
}
_alula_offer() {
  case "$1" in
    -) return 1 ;;
    file) _files ;;
    \=*) compadd -- ${(s:,:)${1#=}} ;;
    *) compadd -- ${=:-"$("${words[1]}" values "$1" ${given[1]+"${given[1]}"} \
         "${node[@]}" 2>/dev/null </dev/null)"} ;;
  esac
}
_alula_at() {
  case "$1" in
)zsh" + cases_of(app)
         + R"zsh(  esac
}
if [[ ${funcstack[1]} == _alula ]]; then
  _alula "$@"
else
  compdef _alula alula
fi
)zsh";
}

} // namespace

void add_completion(CLI::App& app, const reading& line) {
  auto* completion =
      app.add_subcommand("completion", "print a completion script for a shell");
  const auto shell = std::make_shared<std::string>();
  completion->add_option("SHELL", *shell, "bash or zsh")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));
  completion->callback([&app, line, shell] {
    const auto text =
        *shell == "zsh" ? zsh_completion(app) : bash_completion(app);
    line.runs([text] {
      print(text);
      return static_cast<int>(done);
    });
  });
}

} // namespace alula::app::cli
