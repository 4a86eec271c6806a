#include "codec/http_reader.h"

#include "base/bytes.h"

#include <algorithm>
#include <charconv>

namespace ks::codec {

namespace {

template <class T> bool whole_number(std::string_view text, int base, T *out) {
    auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), *out, base);
    return !text.empty() && error == std::errc() &&
           end == text.data() + text.size();
}

} // namespace

HttpReader::State HttpReader::feed(std::string_view bytes) {
    while (!bytes.empty() && state_ == State::more) {
        if (part_ == Part::head) {
            size_t before = head_.size();
            head_.append(bytes.substr(0, kMaxHead + 4 - before));
            size_t end = head_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
            if (end == std::string::npos) {
                if (head_.size() > kMaxHead) {
                    return fail();
                }
                return state_;
            }
            bytes.remove_prefix(end + 4 - before);
            head_.resize(end + 2);
            if (!read_head(head_)) {
                return fail();
            }
            continue;
        }
        if (!take_body(bytes)) {
            return fail();
        }
    }
    return state_;
}

HttpReader::State HttpReader::end() {
    if (state_ == State::more) {
        state_ = part_ == Part::until_end ? State::done : State::failed;
    }
    return state_;
}

// HTTP/1.1 201 Created
bool HttpReader::read_head(std::string_view head) {
    size_t eol = head.find("\r\n");
    std::string_view line = head.substr(0, eol);
    bool known = line.starts_with("HTTP/1.1 ") || line.starts_with("HTTP/1.0 ");
    if (!known || line.size() < 12 || (line.size() > 12 && line[12] != ' ') ||
        !whole_number(line.substr(9, 3), 10, &status_) || status_ < 200) {
        return false;
    }
    head.remove_prefix(eol + 2);
    while (!head.empty()) {
        eol = head.find("\r\n");
        if (!read_header(head.substr(0, eol))) {
            return false;
        }
        head.remove_prefix(eol + 2);
    }
    if (chunked_ && has_length_) {
        return false;
    }
    bool none = status_ == 204 || status_ == 304;
    if (none || (has_length_ && left_ == 0)) {
        state_ = State::done;
    } else if (chunked_) {
        part_ = Part::chunk_size;
    } else {
        part_ = has_length_ ? Part::counted : Part::until_end;
    }
    return !has_length_ || left_ <= max_body_;
}

bool HttpReader::read_header(std::string_view line) {
    size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 ||
        line.find_first_of(std::string_view("\r\n\0", 3)) !=
            std::string_view::npos) {
        return false;
    }
    std::string_view name = line.substr(0, colon);
    std::string_view value = trim(line.substr(colon + 1));
    if (name.back() == ' ' || name.back() == '\t') {
        return false;
    }
    if (iequals(name, "content-length")) {
        uint64_t before = left_;
        if (!whole_number(value, 10, &left_) ||
            (has_length_ && left_ != before)) {
            return false;
        }
        has_length_ = true;
    } else if (iequals(name, "transfer-encoding")) {
        if (!iequals(value, "chunked") || chunked_) {
            return false;
        }
        chunked_ = true;
    } else if (iequals(name, "content-type")) {
        content_type_ = value;
    } else if (iequals(name, "location")) {
        location_ = value;
    }
    return true;
}

// Up to and with the line feed; *whole: line_ is it, without its end.
bool HttpReader::take_line(std::string_view &bytes, bool *whole) {
    size_t eol = bytes.find('\n');
    *whole = eol != std::string_view::npos;
    size_t take = *whole ? eol + 1 : bytes.size();
    line_.append(bytes.substr(0, take));
    bytes.remove_prefix(take);
    if (line_.size() > kMaxLine) {
        return false;
    }
    if (*whole) {
        if (!line_.ends_with("\r\n")) {
            return false;
        }
        line_.resize(line_.size() - 2);
    }
    return true;
}

bool HttpReader::take_body(std::string_view &bytes) {
    bool whole = false;
    switch (part_) {
    case Part::counted:
    case Part::chunk: {
        size_t take = std::min<uint64_t>(left_, bytes.size());
        body_.append(bytes.substr(0, take));
        bytes.remove_prefix(take);
        left_ -= take;
        if (left_ == 0 && part_ == Part::counted) {
            state_ = State::done;
        } else if (left_ == 0) {
            part_ = Part::chunk_end;
        }
        return true;
    }
    case Part::until_end:
        body_.append(bytes);
        bytes = {};
        return body_.size() <= max_body_;
    case Part::chunk_size:
        if (!take_line(bytes, &whole)) {
            return false;
        }
        if (whole) {
            std::string_view size(line_);
            size = trim(size.substr(0, size.find(';')));
            if (!whole_number(size, 16, &left_) ||
                left_ > max_body_ - body_.size()) {
                return false;
            }
            part_ = left_ == 0 ? Part::trailer : Part::chunk;
            line_.clear();
        }
        return true;
    case Part::chunk_end:
    case Part::trailer:
        if (!take_line(bytes, &whole)) {
            return false;
        }
        if (whole) {
            bool empty = line_.empty();
            line_.clear();
            if (part_ == Part::chunk_end) {
                part_ = Part::chunk_size;
                return empty;
            }
            if (empty) {
                state_ = State::done;
            }
        }
        return true;
    case Part::head:
        break;
    }
    return false;
}

} // namespace ks::codec
