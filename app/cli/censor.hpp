/// Takes out of a text what must not leave the machine, wherever it turns up.
#pragma once

#include <string>
#include <vector>

namespace alula::app::cli {

class censor {
public:
  /// Hides this text from now on. Shorter than four bytes it is kept: it would
  /// black out words.
  void hide(const std::string& secret);

  /// The text, each line with an end, without what hide() named and without
  /// what looks like a secret: values of keys like `token` or `secret_key` in
  /// YAML and JSON, bearers, signatures of links, passwords of URLs. Takes time
  /// in proportion to the text, whatever is in it and however long its lines
  /// are.
  std::string read(std::string text) const;

private:
  std::vector<std::string> secrets_;
};

} // namespace alula::app::cli
