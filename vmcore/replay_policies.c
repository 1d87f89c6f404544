/* replay_policies.c - each policy compiled into loops of its own. */
#include "replay.h"

#include "policy/clock.h"
#include "policy/fifo.h"
#include "policy/lfu.h"
#include "policy/lru.h"
#include "policy/mru.h"
#include "policy/random.h"
#include "policy/sieve.h"
#include "replay_opt.h"

#define POLICY fifo
#define POLICY_NEEDS FIFO_NEEDS
#define POLICY_REPEATS false
#include "replay_loop.h"

#define POLICY lru
#define POLICY_NEEDS LRU_NEEDS
#define POLICY_REPEATS false
#include "replay_loop.h"

#define POLICY mru
#define POLICY_NEEDS MRU_NEEDS
#define POLICY_REPEATS false
#include "replay_loop.h"

#define POLICY clock
#define POLICY_NEEDS CLOCK_NEEDS
#define POLICY_REPEATS false
#include "replay_loop.h"

#define POLICY clock0
#define POLICY_NEEDS CLOCK0_NEEDS
#define POLICY_REPEATS false
#include "replay_loop.h"

#define POLICY sieve
#define POLICY_NEEDS SIEVE_NEEDS
#define POLICY_REPEATS false
#include "replay_loop.h"

#define POLICY lfu
#define POLICY_NEEDS LFU_NEEDS
#define POLICY_REPEATS true
#include "replay_loop.h"

#define POLICY random
#define POLICY_NEEDS RANDOM_NEEDS
#define POLICY_REPEATS false
#include "replay_loop.h"

#define POLICY opt
#define POLICY_NEEDS OPT_NEEDS
#define POLICY_REPEATS true
#include "replay_loop.h"

#define ROW(label, name, needs, repeats) \
	{ label, needs, repeats, { name##_walk_loop, name##_filter_loop, name##_tlb_loop }, NULL }

const struct replay_policy replay_policies[] = {
	ROW("fifo", fifo, FIFO_NEEDS, false), ROW("lru", lru, LRU_NEEDS, false), ROW("clock", clock, CLOCK_NEEDS, false),
	ROW("clock0", clock0, CLOCK0_NEEDS, false), ROW("clock1", clock, CLOCK_NEEDS, false),
	ROW("lfu", lfu, LFU_NEEDS, true), ROW("mru", mru, MRU_NEEDS, false), ROW("random", random, RANDOM_NEEDS, false),
	ROW("sieve", sieve, SIEVE_NEEDS, false), ROW("opt", opt, OPT_NEEDS, true),
	{ 0 }
};
const char *const vm_replay_policies[] = {
	"fifo", "lru", "clock", "clock0", "clock1", "lfu", "mru", "random", "sieve", "opt", NULL
};
static_assert(G_N_ELEMENTS(vm_replay_policies) == G_N_ELEMENTS(replay_policies), "a policy without a name");
