/* replay_policies.c - each policy compiled into loops of its own. */
#include "replay.h"

#include "policy/aging.h"
#include "policy/arc.h"
#include "policy/clock.h"
#include "policy/clockm.h"
#include "policy/fifo.h"
#include "policy/linux.h"
#include "policy/mru.h"
#include "policy/nru.h"
#include "policy/random.h"
#include "policy/s3fifo.h"
#include "policy/sieve.h"
#include "policy/twoq.h"
#include "policy/wsclock.h"
#include "replay_lru.h"
#include "replay_opt.h"

#define POLICY fifo
#define POLICY_NEEDS FIFO_NEEDS
#define POLICY_MOST 0
#include "replay_loop.h"

#define POLICY oldest
#define POLICY_NEEDS OLDEST_NEEDS
#define POLICY_MOST 0
#include "replay_loop.h"

#define POLICY clock
#define POLICY_NEEDS CLOCK_NEEDS
#define POLICY_MOST 0
#include "replay_loop.h"

#define POLICY clock0
#define POLICY_NEEDS CLOCK0_NEEDS
#define POLICY_MOST 0
#include "replay_loop.h"

#define POLICY clockm
#define POLICY_NEEDS CLOCKM_NEEDS
#define POLICY_MOST 0
#include "replay_loop.h"

#define POLICY nru
#define POLICY_NEEDS NRU_NEEDS
#define POLICY_MOST 0
#include "replay_loop.h"

#define POLICY aging
#define POLICY_NEEDS AGING_NEEDS
#define POLICY_MOST 0
#include "replay_loop.h"

#define POLICY rarest
#define POLICY_NEEDS RAREST_NEEDS
#define POLICY_MOST 0
#include "replay_loop.h"

#define POLICY mru
#define POLICY_NEEDS MRU_NEEDS
#define POLICY_MOST 0
#include "replay_loop.h"

#define POLICY random
#define POLICY_NEEDS RANDOM_NEEDS
#define POLICY_MOST 0
#include "replay_loop.h"

#define POLICY twoq
#define POLICY_NEEDS TWOQ_NEEDS
#define POLICY_MOST 0
#include "replay_loop.h"

#define POLICY arc
#define POLICY_NEEDS ARC_NEEDS
#define POLICY_MOST 1
#include "replay_loop.h"

#define POLICY s3fifo
#define POLICY_NEEDS S3FIFO_NEEDS
#define POLICY_MOST 3
#include "replay_loop.h"

#define POLICY sieve
#define POLICY_NEEDS SIEVE_NEEDS
#define POLICY_MOST 0
#include "replay_loop.h"

#define POLICY wsclock
#define POLICY_NEEDS WSCLOCK_NEEDS
#define POLICY_MOST 0
#include "replay_loop.h"

#define POLICY opt
#define POLICY_NEEDS OPT_NEEDS
#define POLICY_MOST 0
#include "replay_loop.h"

#define POLICY linux
#define POLICY_NEEDS LINUX_NEEDS
#define POLICY_MOST 0
#include "replay_loop.h"

#define ROW(label, name, needs, params) \
	{ label, needs, { name##_walk_loop, name##_filter_loop, name##_tlb_loop }, params }

const struct replay_policy replay_policies[] = {
	ROW("fifo", fifo, FIFO_NEEDS, NULL),
	ROW("lru", oldest, OLDEST_NEEDS, NULL),
	ROW("clock", clock, CLOCK_NEEDS, NULL),
	ROW("clock0", clock0, CLOCK0_NEEDS, NULL),
	ROW("clock1", clock, CLOCK_NEEDS, NULL),
	ROW("clock-m", clockm, CLOCKM_NEEDS, clockm_params),
	ROW("nru", nru, NRU_NEEDS, nru_params),
	ROW("aging", aging, AGING_NEEDS, aging_params),
	ROW("lfu", rarest, RAREST_NEEDS, NULL),
	ROW("mru", mru, MRU_NEEDS, NULL),
	ROW("random", random, RANDOM_NEEDS, random_params),
	ROW("2q", twoq, TWOQ_NEEDS, twoq_params),
	ROW("arc", arc, ARC_NEEDS, arc_params),
	ROW("s3fifo", s3fifo, S3FIFO_NEEDS, s3fifo_params),
	ROW("sieve", sieve, SIEVE_NEEDS, NULL),
	ROW("wsclock", wsclock, WSCLOCK_NEEDS, wsclock_params),
	ROW("opt", opt, OPT_NEEDS, NULL),
	ROW("linux", linux, LINUX_NEEDS, linux_params),
	{ 0 }
};
const char *const vm_replay_policies[] = {
	"fifo", "lru", "clock", "clock0", "clock1", "clock-m", "nru", "aging", "lfu",
	"mru", "random", "2q", "arc", "s3fifo", "sieve", "wsclock", "opt", "linux", NULL
};
static_assert(G_N_ELEMENTS(vm_replay_policies) == G_N_ELEMENTS(replay_policies), "a policy without a name");
