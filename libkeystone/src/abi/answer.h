// A codec::Response as C sees it: views into the Response.
#pragma once

#include "abi/text.h"
#include "codec/http.h"
#include "keystone.h"

#include <vector>

struct ks_answer_memory {
    // Good until `response` changes.  No body for HEAD, 204 and 304.
    const ks_http_answer_t *show(const ks::codec::Response &response,
                                 bool head) {
        headers_.clear();
        for (const auto &h : response.headers) {
            headers_.push_back({ks::abi::str(h.name), ks::abi::str(h.value)});
        }
        bool none = response.status == 204 || response.status == 304;
        answer_.status = response.status;
        answer_.headers = headers_.data();
        answer_.nheaders = headers_.size();
        answer_.body_len = none ? 0 : response.body.size();
        answer_.body = {};
        if (!head && !none) {
            answer_.body = ks::abi::str(response.body);
        }
        return &answer_;
    }

  private:
    std::vector<ks_header_t> headers_;
    ks_http_answer_t answer_{};
};
