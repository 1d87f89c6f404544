/* tcp_stub.c - TCP is not there yet: its sockets refuse everything. Goes when tcp.c comes. */
#include "net_tcp.h"
#include "socket.h"
const char *const net_tcp_congestion_names[2] = { "reno", "cubic" };
int tcp_listen(struct net_socket *s, int b, struct err *e) { return -EPROTONOSUPPORT; }
int tcp_accept(struct net_socket *s, struct net_socket **o, struct net_endpoint *p, struct err *e) { return -EPROTONOSUPPORT; }
int tcp_connect_result(struct net_socket *s, struct err *e) { return -EPROTONOSUPPORT; }
void tcp_open(struct net_socket *s) { g_assert_not_reached(); }
int tcp_setsockopt(struct net_socket *s, enum net_option o, int v, struct err *e) { return 0; }
int tcp_getsockopt(struct net_socket *s, enum net_option o, int *v, struct err *e) { return 0; }
size_t tcp_queued(const struct net_socket *s, bool r, size_t k, void *o, size_t l) { return 0; }
int tcp_fixture(struct net_socket *s, const struct net_fixture *f, struct err *e) { return 0; }
bool tcp_check(const struct net_socket *s, struct err *e) { return true; }
void tcp_input(struct net_host *h, struct frame *f, const struct ip_in *in) { frame_put(f); }
void tcp_error(struct net_host *h, const struct ip_in *in, int error, bool fatal, uint8_t type, uint8_t code, uint32_t mtu) {}
const struct kind_ops tcp_ops;
