/* replay_world.c - the machine of a replay: RAM, and tables made where a page is first met. */
#include "replay_world.h"

#include <inttypes.h>

/* 16 GiB: an entry's place in RAM fits 31 bits, and is not the highest such number. */
enum { EVENTS = 16, TABLES_MAX = (1 << 22) - 2 };
#define TABLE_BYTES_DEFAULT (4 * GiB)

static uint64_t power_of_two(uint64_t n)
{
	return n <= 1 ? 1 : (uint64_t)1 << (64 - __builtin_clzll(n - 1));
}

static int check(uint64_t frames, struct err *e)
{
	if (frames == 0)
		return err_set(e, ERANGE, -1, "0 frames hold no page: at least 1");
	if (frames > REPLAY_FRAMES_MAX)
		return err_set(e, ERANGE, -1, "%" PRIu64 " frames are more than RAM: at most %" PRIu64, frames, REPLAY_FRAMES_MAX);
	return 0;
}

int replay_world_init(struct replay_world *w, uint64_t frames, uint64_t table_bytes, struct err *e)
{
	struct vm_options o = { .geometry = *vm_geometry_preset("x86-64"), .cpus = 1, .seed = 1, .serial = 1 };

	if (check(frames, e))
		return -e->code;
	memset(w, 0, sizeof(*w));
	w->tables_max = CLAMP((table_bytes ? table_bytes : TABLE_BYTES_DEFAULT) >> 12, 8, TABLES_MAX);
	w->user_base = MAX(power_of_two(w->tables_max), power_of_two(frames));
	w->user_mask = power_of_two(frames) - 1;
	o.ram_bytes = (w->tables_max + 1) << 12;   /* of pages there are numbers alone */
	clock_init(&w->clock);
	journal_init(&w->journal, EVENTS, &w->clock.now);
	w->vm = vm_host_new(&o, &w->clock, &w->journal, e);
	if (!w->vm) {
		replay_world_clear(w);
		return -e->code;
	}
	w->ram = w->vm->ram;
	if (frame_alloc(w->vm, VM_FRAME_KERNEL, true, false) != 0)
		g_error("frame 0 of a fresh machine is taken");
	return 0;
}

void replay_world_clear(struct replay_world *w)
{
	for (unsigned i = 0; i < VM_REF_SPACES; i++)
		g_free(w->table[i]);               /* RAM goes as a whole */
	vm_host_free(w->vm);
	journal_clear(&w->journal);
	clock_clear(&w->clock);
	memset(w, 0, sizeof(*w));
}

static int too_many(const struct replay_world *w, struct err *e)
{
	bool small = w->tables_max < 1 << 8;

	return err_set(e, ENOMEM, -1, "the page tables of so many pages take more than %" PRIu64 " %s (--tables sets the limit)",
		       small ? w->tables_max << 2 : w->tables_max >> 8, small ? "KiB" : "MiB");
}

/* The upper half of the pages has canonical addresses that begin with sixteen ones. */
static va_t address_of(uint64_t ref)
{
	return (va_t)((int64_t)(vm_ref_page(ref) << 28) >> 16);
}

static bool flags_are_same(const struct replay_world *w, uint64_t ref)
{
	uint64_t e = w->root[vm_ref_space(ref)];
	bool same = true;

	for (unsigned shift = 36; shift > 9; shift -= 9) {
		e = replay_step(w, e, ref << 12 >> shift & 0xff8);
		same = same && (e & ~ENTRY_FRAME) == TABLE_FLAGS;
	}
	return same;
}

int replay_make(struct replay_world *w, uint64_t ref, uint64_t **entry, struct err *e)
{
	unsigned space = vm_ref_space(ref);
	struct table *t = w->table[space];
	struct translation tr;
	struct span s;

	if (ref & VM_REF_NONSENSE)
		return err_set(e, ERANGE, -1, "page 0x%" PRIx64 " is beyond the 2^%d of the space", vm_ref_page(ref), VM_REF_PAGE_BITS);
	if (w->vm->frames_by_use[VM_FRAME_TABLE] + 4 > w->tables_max)
		return too_many(w, e);
	if (!t) {
		t = w->table[space] = g_new0(struct table, 1);
		table_init(t, w->vm, NULL, space + 1);
	}
	if (table_make(t, vm_ref_page(ref), &s, e))
		return -e->code;
	w->root[space] = t->base;
	/* The walk of the access that made the tables sets A on its way; the leaf is then set by whom called. */
	entry_set(t, vm_ref_page(ref), &s, 0, entry_present(&w->vm->geometry, 0, VM_PTE_WRITE | VM_PTE_USER));
	mmu_walk(w->vm, t->base, t->asid, address_of(ref), VM_READ, true, &tr);
	assert(flags_are_same(w, ref));
	*entry = (uint64_t *)(void *)s.entry;
	**entry = 0;
	return 0;
}

#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
/* Wider vectors would slow the processor down for all that is between them. */
#define CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CLONES
#endif

enum { ROOT_SHIFT = 27 };                  /* from there on a reference tells which root, and which entry of it */

CLONES static void may_be_any(const uint64_t *restrict refs, uint64_t *restrict any)
{
	/* Stores: one of the two highest bits. */
	for (unsigned i = 0; i < PATHS; i++)
		any[i] = ~(ENTRY_P | ENTRY_A | ((refs[i] ^ refs[i] << 1) >> 63 << 6));
}

CLONES static void root_paths(const struct replay_world *w, const uint64_t *restrict refs, uint64_t *restrict at)
{
	for (unsigned i = 0; i < PATHS; i++)
		at[i] = (refs[i] >> 24 & 0xff8) + (uint64_t)(uintptr_t)w->ram + w->root[vm_ref_space(refs[i])];
}

/* The bits in which any of the references differs from the first; in the highest bit of `stores`, whether one does that. */
struct mixed { uint64_t others, stores; };

CLONES static struct mixed table_paths(uint64_t ram, const uint64_t *restrict refs, struct replay_paths *restrict p)
{
	struct mixed m = { 0, 0 };

	for (unsigned i = 0; i < PATHS; i++) {
		uint64_t ref = refs[i];

		m.others |= ref ^ refs[0];
		m.stores |= ref ^ ref << 1;
		p->at[1][i] = ram | (ref >> 15 & 0xff8);
		p->at[2][i] = ram | (ref >> 6 & 0xff8);
		p->at[3][i] = ram | (ref << 3 & 0xff8);
	}
	return m;
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define TERNARY __attribute__((target("avx512f,avx512vl")))

/* What a bit of the result is, by one bit each of three operands: the first is worth 4, the second 2, the third 1. */
enum { AND_OR = 0xea /* a & b | c */, OR_XOR = 0xf6 /* a | (b ^ c) */ };

TERNARY static uint64_t or_of(__m256i v)
{
	uint64_t part[4];

	_mm256_storeu_si256((__m256i *)(void *)part, v);
	return part[0] | part[1] | part[2] | part[3];
}

/* The same in two thirds of the steps, by operations of three operands. */
TERNARY static struct mixed table_paths_ternary(uint64_t ram, const uint64_t *restrict refs, struct replay_paths *restrict p)
{
	const __m256i base = _mm256_set1_epi64x((long long)ram), low = _mm256_set1_epi64x(0xff8);
	const __m256i first = _mm256_set1_epi64x((long long)refs[0]);
	__m256i others = _mm256_setzero_si256(), stores = others;

	for (unsigned i = 0; i < PATHS; i += 4) {
		__m256i ref = _mm256_loadu_si256((const void *)(refs + i));

		others = _mm256_ternarylogic_epi64(others, ref, first, OR_XOR);
		stores = _mm256_ternarylogic_epi64(stores, ref, _mm256_slli_epi64(ref, 1), OR_XOR);
		_mm256_store_si256((void *)&p->at[1][i], _mm256_ternarylogic_epi64(_mm256_srli_epi64(ref, 15), low, base, AND_OR));
		_mm256_store_si256((void *)&p->at[2][i], _mm256_ternarylogic_epi64(_mm256_srli_epi64(ref, 6), low, base, AND_OR));
		_mm256_store_si256((void *)&p->at[3][i], _mm256_ternarylogic_epi64(_mm256_slli_epi64(ref, 3), low, base, AND_OR));
	}
	return (struct mixed){ or_of(others), or_of(stores) };
}

static bool has_ternary(void) { return __builtin_cpu_supports("avx512vl"); }
#else
#define table_paths_ternary table_paths
static bool has_ternary(void) { return false; }
#endif

void replay_paths(const struct replay_world *w, const uint64_t *restrict refs, struct replay_paths *restrict p)
{
	uint64_t ram = (uint64_t)(uintptr_t)w->ram;
	struct mixed m = has_ternary() ? table_paths_ternary(ram, refs, p) : table_paths(ram, refs, p);

	p->stores = m.stores >> 63;
	if (p->stores)
		may_be_any(refs, p->any);
	p->spread = vm_ref_where(m.others) >> ROOT_SHIFT;
	if (p->spread)
		root_paths(w, refs, p->at[0]);
	else
		p->at[0][0] = ram + w->root[vm_ref_space(refs[0])] + (refs[0] >> 24 & 0xff8);
}

static inline unsigned __attribute__((always_inline)) walk_on(const struct replay_paths *p, size_t i, bool stores, bool spread)
{
	for (; i < PATHS; i += WALK_MANY) {
		uint64_t all = UINT64_MAX;

		for (size_t k = 0; k < WALK_MANY; k++) {
			uint64_t leaf = replay_load(replay_follow(p, i + k, spread));

			all &= stores ? leaf | p->any[i + k] : leaf;
		}
		if (~all & (ENTRY_P | ENTRY_A | (stores ? ENTRY_D : 0)))
			break;
	}
	return (unsigned)i;
}

unsigned replay_walk_on(const struct replay_paths *p, unsigned i)
{
	if (p->spread)
		return p->stores ? walk_on(p, i, true, true) : walk_on(p, i, false, true);
	return p->stores ? walk_on(p, i, true, false) : walk_on(p, i, false, false);
}

void replay_follow_all(const struct replay_paths *p, uint64_t **entry)
{
	for (unsigned i = 0; i < PATHS; i++) {
		entry[i] = (uint64_t *)(uintptr_t)replay_follow(p, i, p->spread);
		__builtin_prefetch(entry[i], 1);
	}
}

uint64_t replay_page_of(const struct replay_world *w, uint32_t index)
{
	const struct frame *table = frame_of(w->vm, index >> 9);
	uint64_t page = table->index + (index & 511);

	for (unsigned i = 0; i < VM_REF_SPACES; i++) {
		uint64_t where = vm_ref(VM_REF_LOAD, i, page);

		if (w->table[i] && replay_index(w, replay_walk(w, where)) == index)
			return where;
	}
	return page;
}
