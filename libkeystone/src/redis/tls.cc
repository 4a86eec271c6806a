#include "redis/tls.h"

#include <arpa/inet.h>
#include <new>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace ks::redis {

namespace {

std::string reason() {
    unsigned long code = ERR_get_error();
    ERR_clear_error(); // nginx would log what is left as its own
    const char *text = ERR_reason_error_string(code);
    return text != nullptr ? text : "no reason given";
}

bool is_address(const std::string &host) {
    unsigned char bytes[sizeof(in6_addr)];
    return inet_pton(AF_INET, host.c_str(), bytes) == 1 ||
           inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

} // namespace

void TlsContext::Free::operator()(ssl_ctx_st *ctx) const { SSL_CTX_free(ctx); }

Result<std::shared_ptr<TlsContext>> TlsContext::make(const std::string &ca) {
    auto made = std::make_shared<TlsContext>();
    made->ctx_.reset(SSL_CTX_new(TLS_client_method()));
    if (made->ctx_ == nullptr) {
        return Error(Code::internal, "TLS: " + reason());
    }
    SSL_CTX *ctx = made->ctx_.get();
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
    if (ca.empty()) {
        SSL_CTX_set_default_verify_paths(ctx);
        ERR_clear_error();
    } else if (SSL_CTX_load_verify_locations(ctx, ca.c_str(), nullptr) != 1) {
        return Error(Code::store_unavailable,
                     "the certificates of ca=" + ca +
                         " cannot be read: " + reason());
    }
    return made;
}

void Tls::Free::operator()(ssl_st *ssl) const { SSL_free(ssl); }

Tls::Tls(std::shared_ptr<TlsContext> context, const std::string &host)
    : context_(std::move(context)), ssl_(SSL_new(context_->get())) {
    BIO *in = BIO_new(BIO_s_mem());
    BIO *out = BIO_new(BIO_s_mem());
    if (ssl_ == nullptr || in == nullptr || out == nullptr) {
        BIO_free(in);
        BIO_free(out);
        throw std::bad_alloc();
    }
    SSL_set_bio(ssl_.get(), in, out); // which owns both
    SSL_set_connect_state(ssl_.get());
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl_.get());
    bool named = true;
    if (is_address(host)) {
        named = X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str()) == 1;
    } else {
        X509_VERIFY_PARAM_set_hostflags(param,
                                        X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        named = X509_VERIFY_PARAM_set1_host(param, host.c_str(), host.size()) ==
                    1 &&
                SSL_set_tlsext_host_name(ssl_.get(), host.c_str()) == 1;
    }
    if (!named) { // without a name any certificate would do
        throw std::bad_alloc();
    }
}

Tls::~Tls() = default;

void Tls::feed(std::string_view wire, std::string &plain) {
    ERR_clear_error(); // SSL_get_error() looks at what others left, too
    if (!wire.empty() && BIO_write(SSL_get_rbio(ssl_.get()), wire.data(),
                                   static_cast<int>(wire.size())) <= 0) {
        throw std::bad_alloc();
    }
    if (!open_) {
        int done = SSL_do_handshake(ssl_.get());
        if (done != 1) {
            return fail(done);
        }
        open_ = true;
    }
    char buffer[16 * 1024];
    for (;;) {
        int n = SSL_read(ssl_.get(), buffer, sizeof(buffer));
        if (n <= 0) {
            return fail(n);
        }
        plain.append(buffer, static_cast<size_t>(n));
    }
}

// Wanting more is none: the memory on the other side is just empty.
void Tls::fail(int result) {
    int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        return;
    }
    if (error == SSL_ERROR_ZERO_RETURN) {
        trouble_ = "closed the connection";
        return;
    }
    long verified = SSL_get_verify_result(ssl_.get());
    std::string why = reason();
    trouble_ = "TLS: ";
    if (!open_ && verified != X509_V_OK) {
        trouble_ += "its certificate is refused: ";
        trouble_ += X509_verify_cert_error_string(verified);
        trouble_ += " (the certificate must name the host as it is in the "
                    "address, and be signed by one of ca=)";
    } else {
        trouble_ += why;
    }
}

void Tls::send(std::string_view plain) {
    ERR_clear_error();
    // Into memory, so all of it is taken.
    int n = SSL_write(ssl_.get(), plain.data(), static_cast<int>(plain.size()));
    if (!plain.empty() && n <= 0) {
        fail(n);
    }
}

std::string Tls::take() {
    BIO *out = SSL_get_wbio(ssl_.get());
    std::string wire(BIO_ctrl_pending(out), '\0');
    int n = wire.empty()
                ? 0
                : BIO_read(out, wire.data(), static_cast<int>(wire.size()));
    wire.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return wire;
}

} // namespace ks::redis
