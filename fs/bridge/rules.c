/* rules.c - bridge/rules: what is let through, and the commands that say so. */
#include "inside.h"

#include "table.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

enum { SIMULATED_BACKLOG = 128 };

static const char *const kind_names[RULE_KINDS] = { "listen", "allow", "tun", "tap" };

const struct column bridge_rule_columns[] = {
	{ "rule", COLUMN_NUMBER }, { "kind", COLUMN_WORD }, { "proto", COLUMN_WORD }, { "real", COLUMN_WORD },
	{ "simulated", COLUMN_WORD }, { "accepted", COLUMN_NUMBER }, { "refused", COLUMN_NUMBER }, { 0 }
};

int fill_bridge_rules(const struct node *n, struct table_out *t, struct err *e)
{
	const struct bridge *b = n->world->bridge;

	for (guint i = 0; i < b->rules->len; i++) {
		const struct rule *r = b->rules->pdata[i];
		char real[REAL_TEXT], simulated[NET_ENDPOINT_TEXT];
		g_autofree char *named = r->host ? g_strdup_printf("%s:%u", r->host, r->simulated.port) : NULL;

		table_number(t, r->number);
		table_word(t, kind_names[r->kind]);
		table_word(t, r->device ? NULL : r->udp ? "udp" : "tcp");
		table_word(t, r->device ? r->device : real_text(&r->real, real));
		table_word(t, r->device ? r->wire : named ? named : net_endpoint_text(&r->simulated, simulated));
		table_number(t, r->accepted);
		table_number(t, r->refused);
	}
	return 0;
}

/* Rules come and go */

static void listener_ready(struct end *end, uint32_t events)
{
	end_queue(end);
}

static bool take_from_outside(struct end *end)
{
	struct rule *r = (struct rule *)end;

	return r->resume ? false : (r->udp ? udp_take_real : tcp_take_real)(r);
}

static bool take_from_inside(struct end *end)
{
	struct rule *r = (struct rule *)end;

	return r->resume ? false : (r->udp ? udp_take_simulated : tcp_take_simulated)(r);
}

void rule_pause(struct rule *r, ns_t until)
{
	r->resume = until;
	if (r->fd >= 0)
		end_rewatch(&r->end, r->fd, 0);
	bridge_wake_at(r->end.bridge, until);
}

void rule_resume(struct rule *r)
{
	if (r->resume > r->end.bridge->now) {
		bridge_wake_at(r->end.bridge, r->resume);
		return;
	}
	r->resume = 0;
	if (r->fd >= 0)
		end_rewatch(&r->end, r->fd, EPOLLIN);
	end_queue(&r->end);
}

struct rule *rule_new(struct bridge *b, enum rule_kind kind)
{
	struct rule *r = g_new0(struct rule, 1);

	r->kind = kind;
	r->fd = -1;
	end_init(&r->end, b, listener_ready, kind == RULE_ALLOW ? take_from_inside : take_from_outside);
	return r;
}

void rule_free(struct rule *r)
{
	end_clear(&r->end);
	if (r->peers)
		g_hash_table_unref(r->peers);
	g_free(r->device);
	g_free(r->wire);
	g_free(r->host);
	g_free(r);
}

/* Everything is there: it counts from now on. */
void rule_add(struct bridge *b, struct rule *r)
{
	struct rlimit files;

	/* A descriptor a session: as many as we may have. */
	if (b->rules->len == 0 && getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	r->number = b->next_rule++;
	g_ptr_array_add(b->rules, r);
	world_follow(b->world);
}

static bool other_needs(const struct bridge *b, const struct net_addr *a)
{
	for (guint i = 0; i < b->rules->len; i++) {
		const struct rule *r = b->rules->pdata[i];

		if (r->kind == RULE_ALLOW && net_addr_equal(&r->simulated.addr, a))
			return true;
	}
	return false;
}

void rule_remove(struct bridge *b, struct rule *r)
{
	for (GList *l = b->sessions.head, *next; l; l = next) {
		struct session *s = l->data;

		next = l->next;
		if (s->rule == r)
			s->abort(s);
	}
	g_ptr_array_remove(b->rules, r);
	if (r->close)
		r->close(r);
	else if (r->fd >= 0)
		real_unlisten(r->end.bridge->world, r->fd, &r->real, &r->file);
	if (r->listener) {
		net_socket_mark(r->listener, NULL);
		net_socket_release(r->listener);
	}
	if (r->kind == RULE_ALLOW && !other_needs(b, &r->simulated.addr))
		gateway_drop(b, &r->simulated.addr);
	rule_free(r);
	world_follow(b->world);
}

/* Commands: listen, allow */

static int failed_outside(int code, const struct real_addr *a, int arg, struct err *e)
{
	char text[REAL_TEXT];

	return err_set(e, -code, arg, "%s: %s", real_text(a, text), g_strerror(-code));
}

/* PROTO REAL to|as SIMULATED */
static int read_rule(const struct call *c, struct rule *r, const char *word, struct err *e)
{
	static const char *const protos[] = { "tcp", "udp", NULL };
	unsigned proto;

	if (!arg_choice(c, 0, protos, &proto, e))
		return -e->code;
	if (!arg_is(c, 2, word))
		return err_set(e, EINVAL, 2, "'%.20s' should be: %s", c->args[2].text, word);
	r->udp = proto == 1;
	if (target_parse_real(r->end.bridge, c->args[1].text, &r->real, 1, e))
		return -e->code;
	return target_parse_simulated(r->end.bridge, c->args[3].text, &r->host, &r->simulated, 3, e);
}

static int open_listen(struct rule *r, struct err *e)
{
	struct bridge *b = r->end.bridge;
	struct net_endpoint to;
	int rc = target_find(b, r, &to, e);

	if (rc)
		return rc;
	r->fd = real_listen(b->world, &r->real, r->udp, &r->file);
	if (r->fd < 0)
		return failed_outside(r->fd, &r->real, 1, e);
	rc = gateway_towards(b, &to.addr, e);
	if (rc == 0) {
		rc = end_watch(&r->end, r->fd, EPOLLIN);
		if (rc)
			failed_outside(rc, &r->real, 1, e);
	}
	if (rc)
		real_unlisten(r->end.bridge->world, r->fd, &r->real, &r->file);
	return rc;
}

static int run_listen(struct call *c, struct err *e)
{
	struct bridge *b = c->n->world->bridge;
	struct rule *r = rule_new(b, RULE_LISTEN);
	int rc = read_rule(c, r, "to", e);

	if (rc == 0 && target_is_ours(b, &r->real, r->udp, RULE_ALLOW))
		rc = err_set(e, EINVAL, 1, "%s is what another rule connects to", c->args[1].text);
	if (rc == 0)
		rc = open_listen(r, e);
	if (rc)
		rule_free(r);
	else
		rule_add(b, r);
	return rc;
}

static int open_allow(struct rule *r, struct err *e)
{
	struct net_caller bridge = { 0 };
	struct net_host *gw;
	int rc = gateway_take(r->end.bridge, &r->simulated.addr, &gw, e);

	if (rc == 0)
		rc = net_socket_new(gw, r->udp ? NET_UDP : NET_TCP, r->simulated.addr.family, &bridge, &r->listener, e);
	if (rc)
		return rc;
	net_setsockopt(r->listener, NET_SO_REUSEADDR, 1, NULL);
	rc = net_bind(r->listener, &bridge, &r->simulated, e);
	if (rc == 0 && !r->udp)
		rc = net_listen(r->listener, SIMULATED_BACKLOG, e);
	if (rc) {
		e->arg = 3;
		net_socket_release(r->listener);
		return rc;
	}
	if (!r->udp)
		net_listen_asks(r->listener);
	net_socket_mark(r->listener, &r->end);
	return 0;
}

static int run_allow(struct call *c, struct err *e)
{
	struct bridge *b = c->n->world->bridge;
	struct rule *r = rule_new(b, RULE_ALLOW);
	int rc = read_rule(c, r, "as", e);

	if (rc == 0 && r->host)
		rc = err_set(e, EINVAL, 3, "'%.60s' is not ADDRESS:PORT: the gateway gets that address", c->args[3].text);
	if (rc == 0 && target_is_ours(b, &r->real, r->udp, RULE_LISTEN))
		rc = err_set(e, EINVAL, 1, "%s is where the bridge itself listens", c->args[1].text);
	if (rc == 0)
		rc = open_allow(r, e);
	if (rc) {
		rule_free(r);
		return rc;
	}
	rule_add(b, r);
	return 0;
}

static int run_del(struct call *c, struct err *e)
{
	struct bridge *b = c->n->world->bridge;
	uint64_t number;

	if (!arg_number(c, 0, &number, e))
		return -e->code;
	for (guint i = 0; i < b->rules->len; i++) {
		struct rule *r = b->rules->pdata[i];

		if (r->number == number) {
			rule_remove(b, r);
			return 0;
		}
	}
	return err_set(e, ENOENT, 0, "there is no rule %.20s", c->args[0].text);
}

const struct command bridge_commands[] = {
	{ "listen", "PROTO REAL to SIMULATED", run_listen,
	  "real clients of 127.0.0.1:8080, [::1]:8080 or unix:/PATH reach HOST:PORT, ADDRESS:PORT or [ADDRESS]:PORT; tcp or udp" },
	{ "allow", "PROTO REAL as SIMULATED", run_allow,
	  "simulated clients of ADDRESS:PORT, which the gateway gets, reach the real server there" },
	{ "tun", "NAME wire WIRE", run_tun,
	  "this machine's kernel is a host on WIRE, by an interface NAME for packets of IP, made by this rule" },
	{ "tap", "NAME wire WIRE", run_tap, "the same for frames of Ethernet" },
	{ "del", "N", run_del, "takes the rule of that number away; its connections are reset" },
	{ 0 }
};

int store_bridge_rules(const struct node *n, char *line, GString *result, struct err *e)
{
	return command_run(bridge_commands, n, line, result, e);
}
