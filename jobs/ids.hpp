/// Identifiers that cannot be mixed up: each kind of id is its own type, is
/// parsed once at the door, and is a canonical lower-case UUID from then on.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace alula::jobs {

/// Unix time in milliseconds. Zero stands for "never" wherever a time is
/// optional, so that a record maps onto its row without wrappers.
using time_ms = std::int64_t;

/// The 36 characters of a canonical UUID (RFC 9562, section 4), lower case.
/// A default-constructed id is empty and equals no parsed one.
template<class Tag>
class uuid_id {
public:
  uuid_id() = default;

  /// Accepts exactly 8-4-4-4-12 lower-case hexadecimal digits; anything else,
  /// upper case included, is refused: Wings compares ids byte for byte
  /// (wings-protocol 1.8).
  static std::optional<uuid_id> parse(std::string_view text) {
    if (text.size() != 36)
      return std::nullopt;
    uuid_id id;
    for (std::size_t i = 0; i < 36; ++i) {
      const char c = text[i];
      const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
      const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
      if (dash ? c != '-' : !hex)
        return std::nullopt;
      id.text_[i] = c;
    }
    return id;
  }

  bool empty() const { return text_[0] == '\0'; }
  std::string_view view() const {
    return empty() ? std::string_view{} : std::string_view{text_.data(), 36};
  }
  std::string to_string() const { return std::string{view()}; }

  friend bool operator==(const uuid_id&, const uuid_id&) = default;
  friend auto operator<=>(const uuid_id&, const uuid_id&) = default;

private:
  std::array<char, 36> text_{};
};

struct server_tag;
struct job_tag;
struct backup_tag;

using server_id = uuid_id<server_tag>;
using job_id = uuid_id<job_tag>;
using backup_id = uuid_id<backup_tag>;

/// A new UUIDv7 (RFC 9562, section 5.7): 48 bits of `now`, the rest random.
/// Ids made by one process sort by creation; any thread may call it.
job_id make_job_id(time_ms now);

/// The creation time inside a UUIDv7. Meaningless for other versions.
time_ms created_at(const job_id& id);

/// A random UUIDv4 (RFC 9562, section 5.4) as text, for request ids.
std::string make_random_uuid();

} // namespace alula::jobs

template<class Tag>
struct std::hash<alula::jobs::uuid_id<Tag>> {
  std::size_t operator()(const alula::jobs::uuid_id<Tag>& id) const noexcept {
    return std::hash<std::string_view>{}(id.view());
  }
};
