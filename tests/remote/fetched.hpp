/// A link of somebody else's, fetched into memory.
#pragma once

#include "remote/signed_links.hpp"

#include <span>
#include <string>
#include <vector>

namespace alula::remote {

inline const std::string gzip = "Content-Type: application/x-gzip\r\n";

inline web_links links_to(const std::vector<std::string>& allowed = {
                              "127.0.0.1"}) {
  return web_links{{.allowed = allowed}};
}

struct fetched {
  std::string text;
  jobs::link_content content;
  jobs::status how;
};

inline fetched fetch(web_links& links, const std::string& url,
                     const jobs::link_download& what = {}) {
  fetched out;
  out.how = links.get(
      url, what,
      [&](const jobs::link_content& content) -> jobs::status {
        out.content = content;
        return {};
      },
      [&](std::span<const char> piece) -> jobs::status {
        out.text.append(piece.data(), piece.size());
        return {};
      },
      {});
  return out;
}

} // namespace alula::remote
