// The file of a database, as the file system sees it.
#pragma once

#include <string>

namespace ks::sql {

std::string directory_of(const std::string &path);

// Why it cannot be written, as far as the file system tells: ends a sentence.
std::string writable_by(const std::string &path);

// An empty file, a descriptor of it, or -1 and errno.  For its owner only,
// while SQLite would let all users read it.  What root makes belongs to whom
// the directory was made for: the workers have to write it.
int make_file(const std::string &path);

} // namespace ks::sql
