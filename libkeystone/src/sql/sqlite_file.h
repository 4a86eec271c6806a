// The file of a database, as the file system sees it.
#pragma once

#include <string>

namespace ks::sql {

std::string directory_of(const std::string &path);

// Why it cannot be written, as far as the file system tells: ends a sentence.
std::string writable_by(const std::string &path);

// An empty file if there is none; 0 or an errno.  For its owner only, while
// SQLite would let all users read it.  What root makes belongs to whom the
// directory was made for: the workers have to write it.
//
// Made under another name and linked: a descriptor of the file itself must not
// be opened and closed here, because that would give up the locks of all
// connections that this process has to it (fcntl(2)).
int make_file(const std::string &path);

} // namespace ks::sql
