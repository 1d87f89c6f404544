/* http.h - the server's side of HTTP/1.1 (RFC 9110, 9112), for GET and HEAD of files. */
#ifndef NETD_HTTP_H
#define NETD_HTTP_H

#include "net_service.h"

void *http_open(void);
bool http_input(void *state, const struct net_service_env *env, const char *data, size_t len, bool end, GString *out);
void http_close(void *state);
ns_t http_deadline(const void *state, const struct net_service_env *env);
bool http_idle(const void *state);
void http_late(void *state, const struct net_service_env *env, GString *out);

#endif
