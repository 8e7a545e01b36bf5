/// Finds the principal behind a secret: the tokens of the desk, by their public
/// part, from memory.
#pragma once

#include "jobs/access_desk.hpp"
#include "jobs/clock.hpp"
#include "jobs/principal.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace alula::http {

/// A new secret: "<prefix>_<20 hex digits>.<40 hex digits>", 160 bits of it
/// random and unknown to anybody else.
struct fresh_secret {
  std::string id;   ///< the 20 digits
  std::string text; ///< all of it; shown once, never logged or kept
  std::string hash; ///< what is kept: SHA-256, hexadecimal
};
inline constexpr std::string_view token_prefix = "alula";
inline constexpr std::string_view appliance_prefix = "my";
/// Throws std::runtime_error when the system has no randomness.
fresh_secret make_secret(std::string_view prefix);

/// Any thread; never blocks. The desk and the clock outlive it.
class access_book {
public:
  access_book(jobs::access_desk& desk, const jobs::clock& clock)
    : desk_(desk), clock_(clock) {}

  /// What stands behind `Bearer`: an API token that is neither revoked nor
  /// expired. Null: nobody.
  jobs::principal_ptr by_token(std::string_view secret);
  /// What stands behind `Basic`: the key of an appliance of that name.
  jobs::principal_ptr by_password(std::string_view user,
                                  std::string_view secret);

private:
  struct entry {
    jobs::token_record token;
    jobs::principal_ptr who;
    jobs::time_ms noted_at = 0; ///< when the desk was last told of a use
  };
  jobs::principal_ptr find(std::string_view secret, std::string_view prefix,
                           jobs::principal_kind kind, std::string_view subject);
  void follow_desk();

  jobs::access_desk& desk_;
  const jobs::clock& clock_;
  std::mutex mutex_; ///< over the rest
  jobs::token_list seen_;
  std::map<std::string, entry, std::less<>> by_id_;
};

} // namespace alula::http
