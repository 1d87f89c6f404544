/* query_socket.c - a question on its way: by UDP, by TCP where the answer is too long, until one comes that fits. */
#include "query_inside.h"

enum { TCP_PREFIX = 2, MESSAGE_MAX = 65535 };

void query_close(struct dns_query *q)
{
	clock_cancel(q->clock, &q->timer);
	if (q->socket)
		net_socket_release(q->socket);
	q->socket = NULL;
}

bool query_open(struct dns_query *q, bool tcp)
{
	const struct net_addr *to = &q->server[q->next].addr;
	struct net_endpoint server = { .addr = *to, .port = 53 };
	int rc;

	query_close(q);
	q->tcp = tcp;
	q->connected = false;
	q->sent = 0;
	g_byte_array_set_size(q->in, 0);
	if (net_socket_new(q->config.host, tcp ? NET_TCP : NET_UDP, to->family, &q->config.who, &q->socket, NULL)) {
		q->socket = NULL;
		return false;
	}
	rc = net_connect(q->socket, &server, NULL);
	if ((rc && rc != -EINPROGRESS) ||
	    (!tcp && net_send(q->socket, q->out->data, q->out->len, 0, NULL, NULL) < 0)) {
		query_close(q);
		return false;
	}
	q->over = false;
	clock_set(q->clock, &q->timer, q->clock->now + q->config.timeout);
	return true;
}

/* Whether it answers the question that is out. */
static bool fits(const struct dns_query *q, const struct dns_message *m)
{
	return m->response && m->id == q->id && m->opcode == 0 && m->has_question && m->type == q->type && m->class == DNS_IN &&
	       dns_name_equal(&m->name, &q->at);
}

static bool udp_on(struct dns_query *q)
{
	g_autofree uint8_t *bytes = g_malloc(MESSAGE_MAX);
	ssize_t n = net_recv(q->socket, bytes, MESSAGE_MAX, 0, NULL, NULL);
	struct dns_message m;

	if (n == -EAGAIN)
		return false;
	if (n < 0) {
		query_tell(q, "%s", g_strerror((int)-n));
		query_next_server(q);
		return true;
	}
	if (dns_message_parse(bytes, (size_t)n, &m, NULL))
		return true;
	if (fits(q, &m) && m.truncated) {
		query_tell(q, "truncated, again by TCP");
		if (!query_open(q, true))
			q->next++;
	} else if (fits(q, &m)) {
		query_take(q, &m);
	}
	dns_message_clear(&m);
	return true;
}

static void tcp_failed(struct dns_query *q, int error)
{
	query_tell(q, "%s", g_strerror(error));
	query_next_server(q);
}

/* The message behind its length, both ways (RFC 1035 4.2.2). */
static bool tcp_send_on(struct dns_query *q)
{
	g_autofree uint8_t *bytes = g_malloc(TCP_PREFIX + q->out->len);
	ssize_t n;

	put16(bytes, q->out->len);
	memcpy(bytes + TCP_PREFIX, q->out->data, q->out->len);
	n = net_send(q->socket, bytes + q->sent, TCP_PREFIX + q->out->len - q->sent, 0, NULL, NULL);
	if (n == -EAGAIN)
		return false;
	if (n < 0)
		tcp_failed(q, (int)-n);
	else
		q->sent += (unsigned)n;
	return true;
}

static bool tcp_receive_on(struct dns_query *q)
{
	g_autofree uint8_t *bytes = g_malloc(MESSAGE_MAX);
	ssize_t n = net_recv(q->socket, bytes, MESSAGE_MAX, 0, NULL, NULL);
	struct dns_message m;
	unsigned len;

	if (n == -EAGAIN)
		return false;
	if (n <= 0) {
		tcp_failed(q, n ? (int)-n : ECONNRESET);
		return true;
	}
	g_byte_array_append(q->in, bytes, (guint)n);
	len = q->in->len >= TCP_PREFIX ? get16(q->in->data) : 0;
	if (q->in->len < TCP_PREFIX || q->in->len < TCP_PREFIX + len)
		return true;
	if (dns_message_parse(q->in->data + TCP_PREFIX, len, &m, NULL)) {
		tcp_failed(q, EBADMSG);
		return true;
	}
	if (fits(q, &m) && !m.truncated)
		query_take(q, &m);
	else
		tcp_failed(q, EBADMSG);
	dns_message_clear(&m);
	return true;
}

static bool tcp_on(struct dns_query *q)
{
	if (!q->connected) {
		int rc = net_connect_result(q->socket, NULL);

		if (rc == -EINPROGRESS)
			return false;
		q->connected = true;
		if (rc)
			tcp_failed(q, -rc);
		return true;
	}
	return q->sent < TCP_PREFIX + q->out->len ? tcp_send_on(q) : tcp_receive_on(q);
}

bool query_socket_on(struct dns_query *q)
{
	return q->tcp ? tcp_on(q) : udp_on(q);
}
