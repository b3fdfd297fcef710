/* An HTTPS server on loopback for tests: one answer a connection, by a function of the test's. */
#ifndef COMMON_TESTS_HTTPS_SERVER_H
#define COMMON_TESTS_HTTPS_SERVER_H

#include "common/tests/scratch.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>

enum { HTTPS_REQUEST_MAX = 1 << 16 };

struct https_server;

/* Writes what it likes with https_write(), then returns: the connection is closed. */
typedef void https_answer(struct https_server *server, SSL *tls, const char *request);

struct https_server {
    int listener;
    uint16_t port;
    SSL_CTX *tls;
    https_answer *answer;
    pthread_t thread;
    atomic_bool ending;
    atomic_int connections; /* open ones */
    atomic_int requests;
};

struct https_connection {
    struct https_server *server;
    int fd;
};

static inline void https_write(SSL *tls, const void *bytes, size_t len)
{
    /* Clients may leave. */
    (void)SSL_write(tls, bytes, (int)len);
}

static inline void https_say(SSL *tls, const char *text)
{
    https_write(tls, text, strlen(text));
}

/* Until the client leaves or the server ends. */
static inline void https_hang(struct https_server *server, SSL *tls)
{
    char byte;
    struct pollfd fd = {.fd = SSL_get_fd(tls), .events = POLLIN};
    while (!atomic_load(&server->ending))
        if (poll(&fd, 1, 20) == 1 && SSL_read(tls, &byte, 1) <= 0)
            return;
}

static void *https_serve_one(void *argument)
{
    struct https_connection connection = *(struct https_connection *)argument;
    struct https_server *server = connection.server;
    char *request = calloc(1, HTTPS_REQUEST_MAX);
    SSL *tls = SSL_new(server->tls);
    size_t len = 0;
    int count;

    free(argument);
    (void)SSL_set_fd(tls, connection.fd);
    if (SSL_accept(tls) == 1) {
        while (strstr(request, "\r\n\r\n") == NULL && len < HTTPS_REQUEST_MAX - 1 &&
               (count = SSL_read(tls, request + len, (int)(HTTPS_REQUEST_MAX - 1 - len))) > 0)
            len += (size_t)count;
        if (strstr(request, "\r\n\r\n") != NULL) {
            atomic_fetch_add(&server->requests, 1);
            server->answer(server, tls, request);
        }
        (void)SSL_shutdown(tls);
    }
    SSL_free(tls);
    free(request);
    (void)close(connection.fd);
    atomic_fetch_sub(&server->connections, 1);
    return NULL;
}

static void *https_serve(void *argument)
{
    struct https_server *server = argument;
    struct pollfd fd = {.fd = server->listener, .events = POLLIN};
    pthread_t thread;

    while (!atomic_load(&server->ending)) {
        if (poll(&fd, 1, 20) != 1)
            continue;
        struct https_connection *connection = malloc(sizeof *connection);
        *connection = (struct https_connection){server, accept(server->listener, NULL, NULL)};
        atomic_fetch_add(&server->connections, 1);
        if (pthread_create(&thread, NULL, https_serve_one, connection) != 0)
            abort();
        (void)pthread_detach(thread);
    }
    return NULL;
}

/* A key and a certificate for 127.0.0.1 that is its own authority; written as ca.crt to scratch. */
static inline void https_certify(SSL_CTX *tls)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    char *path = scratch_path("ca.crt");

    (void)X509_set_version(certificate, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    (void)X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    (void)X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1,
                                     -1, 0);
    (void)X509_set_issuer_name(certificate, name);
    X509_EXTENSION *address = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    (void)X509_add_ext(certificate, address, -1);
    X509_EXTENSION_free(address);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    assert_int_equal(SSL_CTX_use_certificate(tls, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(tls, key), 1);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    assert_int_equal(fclose(file), 0);
    X509_free(certificate);
    EVP_PKEY_free(key);
    free(path);
}

static inline void https_start(struct https_server *server, https_answer *answer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;

    *server = (struct https_server){.answer = answer};
    (void)signal(SIGPIPE, SIG_IGN);
    server->tls = SSL_CTX_new(TLS_server_method());
    https_certify(server->tls);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->listener, 128), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, https_serve, server), 0);
}

static inline void https_stop(struct https_server *server)
{
    atomic_store(&server->ending, true);
    (void)pthread_join(server->thread, NULL);
    while (atomic_load(&server->connections) > 0)
        (void)poll(NULL, 0, 5);
    (void)close(server->listener);
    SSL_CTX_free(server->tls);
}

#endif
