/// A directory that is gone when the test is.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace alula::tests {

class temporary_directory {
public:
  temporary_directory() {
    std::string name =
        (std::filesystem::temp_directory_path() / "alula-app.XXXXXX").string();
    if (!mkdtemp(name.data()))
      throw std::runtime_error{"cannot make " + name};
    path_ = name;
  }
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;

  const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

} // namespace alula::tests
