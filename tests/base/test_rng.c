/* test_rng.c - the same seed and stream give the same numbers, other streams others; below is uniform. */
#include "test.h"

#include "rng.h"

static void streams_of_one_seed_are_independent(void **state)
{
	struct rng a, b, c;
	int equal = 0;

	rng_seed(&a, 1, "wire 1");
	rng_seed(&b, 1, "wire 1");
	rng_seed(&c, 1, "wire 2");
	for (int i = 0; i < 1000; i++) {
		uint64_t x = rng_next(&a);

		assert_int_equal(x, rng_next(&b));
		equal += x == rng_next(&c);
	}
	assert_int_equal(equal, 0);
}

static void below_is_below_and_uniform(void **state)
{
	unsigned seen[7] = { 0 };
	struct rng r;

	rng_seed(&r, 3, "uniform");
	for (int i = 0; i < 70000; i++)
		seen[rng_below(&r, 7)]++;
	for (int i = 0; i < 7; i++)
		assert_in_range(seen[i], 9600, 10400); /* 10000 +- 4 standard deviations */
	assert_int_equal(rng_below(&r, 0), 0);
	assert_int_equal(rng_below(&r, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_of_one_seed_are_independent),
		cmocka_unit_test(below_is_below_and_uniform),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
