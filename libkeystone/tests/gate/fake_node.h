// A media server that answers as SRS's API does.
#pragma once

#include "../support/http_server.h"

#include <map>
#include <mutex>
#include <string>

namespace ks::test {

struct FakeNode {
    struct Client {
        std::string id, stream, type, ip = "192.0.2.9";
        int64_t bytes = 0;
    };

    std::mutex lock;
    std::map<std::string, Client> clients; // by id
    std::string service = "run00001";
    bool silent = false; // closes without a word

    HttpServer srs{[this](const HttpServer::Request &r) { return answer(r); }};

    ~FakeNode() { srs.stop(); }

    std::string envelope(const std::string &rest) {
        return HttpServer::json(R"({"code":0,"server":"node-a","service":")" +
                                service + R"(","pid":"1")" + rest + "}");
    }
    std::string answer(const HttpServer::Request &r) {
        std::lock_guard guard(lock);
        if (silent) {
            return "";
        }
        if (r.method == "DELETE") {
            std::string which = r.target.substr(r.target.rfind('/') + 1);
            return clients.erase(which) > 0
                       ? envelope("")
                       : HttpServer::json(R"({"code":2049})");
        }
        if (r.target.starts_with("/api/v1/clients/")) {
            std::string rows;
            int count = 20000; // as asked for
            for (const auto &[name, c] : clients) {
                if (count-- == 0) {
                    break;
                }
                std::string bytes = std::to_string(c.bytes);
                rows += rows.empty() ? "" : ",";
                rows += R"({"id":")" + name + R"(","url":"/live/)" + c.stream +
                        R"(","name":")" + c.stream + R"(","type":")" + c.type +
                        R"(","ip":")" + c.ip + R"(","publish":)" +
                        (c.type.ends_with("publish") ? "true" : "false") +
                        R"(,"alive":1.5,"send_bytes":)" + bytes +
                        R"(,"recv_bytes":)" + bytes + "}";
            }
            return envelope(R"(,"clients":[)" + rows + "]");
        }
        if (r.target.starts_with("/api/v1/streams/")) {
            std::string rows;
            for (const auto &[name, c] : clients) {
                if (c.type.ends_with("publish")) {
                    rows += rows.empty() ? "" : ",";
                    rows += R"({"id":"vid-)" + name + R"(","url":"/live/)" +
                            c.stream +
                            R"(","recv_bytes":9,"publish":{"active":)" +
                            (c.bytes > 0 ? "true" : "false") + R"(,"cid":")" +
                            name + R"("}})";
                }
            }
            std::string one = r.target.substr(16);
            if (one.starts_with("vid-")) {
                return rows.find(one) == std::string::npos
                           ? HttpServer::json(R"({"code":2048})")
                           : envelope(R"(,"stream":)" + rows);
            }
            return envelope(R"(,"streams":[)" + rows + "]");
        }
        return envelope(R"(,"data":{"major":5})");
    }
    void add(Client c) {
        std::lock_guard guard(lock);
        clients[c.id] = c;
    }
    void remove(const std::string &client) {
        std::lock_guard guard(lock);
        clients.erase(client);
    }
    bool there(const std::string &client) {
        std::lock_guard guard(lock);
        return clients.count(client) != 0;
    }
};

} // namespace ks::test
