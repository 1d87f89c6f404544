/* internet.h - a small internet of name servers on one wire: of the root, edu and com, virginia.edu; and the client c. */
#ifndef TEST_INTERNET_H
#define TEST_INTERNET_H

#include "lab.h"
#include "net_dns.h"

struct named { struct net_dns_server *server; struct net_socket *udp, *tcp; struct net_dns_cache *cache; };
struct scene { struct lab *l; struct net_wire *wire; struct named named[6]; unsigned count; struct net_host *client;
	       struct net_dns_cache *cache; };
extern const char root_zone[];   /* that of the server root */
extern char trace[4096];          /* of the last look-up: a line a question */

/* What follows a name in a zone's first record. */
#define SOA " 86400 IN SOA ns admin 1 7200 900 604800 300\n"

struct named *add_server(struct scene *s, const char *host, const char *address, const char *zone, const char *hints);
void open_scene(struct scene *s, struct lab *l);
void close_scene(struct scene *s);
void step_servers(struct scene *s);
/* Lets time run until it is done; `also` may be NULL. */
void finish(struct scene *s, struct net_lookup *q, void (*also)(struct scene *s));
struct net_lookup_config from_root(struct scene *s, const char *type);
/* What it finds: addresses or records, blanks between; or the error's name. The trace is kept in `trace`. */
char *result_of(struct net_lookup *q, const char *type);
char *look(struct scene *s, const char *name, const struct net_lookup_config *c);
void assert_look(struct scene *s, const char *name, const struct net_lookup_config *c, const char *wanted);
unsigned questions(void);           /* lines of `trace` */

#endif
