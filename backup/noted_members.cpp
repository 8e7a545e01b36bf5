#include "backup/noted_members.hpp"

namespace alula::backup {

void noted_members::add(const member_position& next) {
  if (is_useless_)
    return;
  if (!found_.empty() && !fits_before(next))
    return give_up();
  if (found_.size() == most_noted)
    return give_up();
  found_.push_back(next);
}

std::vector<member_position>
noted_members::up_to(const member_position& end) const {
  return found_.size() > 1 && fits_before(end) ? found_
                                               : std::vector<member_position>{};
}

bool noted_members::fits_before(const member_position& next) const {
  const auto& last = found_.back();
  return next.content > last.content
         && next.content - last.content <= most_in_member
         && next.archive - last.archive <= most_of_archive;
}

void noted_members::give_up() {
  is_useless_ = true;
  found_ = std::vector<member_position>{};
}

} // namespace alula::backup
