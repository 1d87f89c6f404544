/* test_tree.c - the treap against a sorted array, with a largest-value cache as augmentation. */
#include "test.h"

#include "rng.h"
#include "tree.h"

struct item {
	struct tree_node node;
	uint64_t key, value, largest;
	bool in;
};

static struct item *item_of(const struct tree_node *n)
{
	return n ? tree_entry(n, struct item, node) : NULL;
}

static bool before(const struct tree_node *a, const struct tree_node *b)
{
	return item_of(a)->key < item_of(b)->key;
}

static void refresh(struct tree_node *n)
{
	struct item *i = item_of(n), *l = item_of(n->left), *r = item_of(n->right);

	i->largest = i->value;
	if (l && l->largest > i->largest)
		i->largest = l->largest;
	if (r && r->largest > i->largest)
		i->largest = r->largest;
}

static uint64_t assert_subtree(const struct tree_node *n, int *depth)
{
	uint64_t largest;
	int left = 0, right = 0;

	if (!n)
		return 0;
	largest = item_of(n)->value;
	for (int side = 0; side < 2; side++) {
		const struct tree_node *c = side ? n->right : n->left;

		if (!c)
			continue;
		assert_ptr_equal(c->parent, n);
		assert_true(c->priority <= n->priority);
		largest = largest > assert_subtree(c, side ? &right : &left) ? largest : item_of(c)->largest;
	}
	assert_int_equal(item_of(n)->largest, largest);
	*depth = 1 + (left > right ? left : right);
	return largest;
}

enum { ITEMS = 400 };

static void assert_same(const struct tree *t, const struct item *items)
{
	uint64_t last = 0, count = 0, in = 0;
	struct tree_node *previous = NULL;
	int depth = 0;

	for (struct tree_node *n = tree_first(t); n; previous = n, n = tree_next(n), count++) {
		assert_true(item_of(n)->in);
		assert_true(item_of(n)->key >= last);
		assert_ptr_equal(tree_prev(n), previous);
		last = item_of(n)->key;
	}
	assert_ptr_equal(tree_last(t), previous);
	for (int i = 0; i < ITEMS; i++)
		in += items[i].in;
	assert_int_equal(count, in);
	assert_int_equal(count, t->count);
	assert_subtree(t->root, &depth);
	assert_true(depth < 48);
}

static void a_tree_equals_a_sorted_array(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		static struct item items[ITEMS];
		struct tree t;
		struct rng r;

		print_message("seed %d\n", (int)seed);
		rng_seed(&r, seed, "tree");
		tree_init(&t, before, refresh);
		memset(items, 0, sizeof items);
		for (int step = 0; step < 2000; step++) {
			struct item *i = &items[rng_below(&r, ITEMS)];

			if (!i->in) {
				i->key = rng_below(&r, 100);
				i->value = rng_below(&r, 1000);
				tree_insert(&t, &i->node);
				i->in = true;
			} else if (rng_below(&r, 3) == 0) {
				i->value = rng_below(&r, 1000);
				tree_refresh(&t, &i->node);
			} else {
				tree_remove(&t, &i->node);
				i->in = false;
			}
			if (step % 20 == 0)
				assert_same(&t, items);
		}
		assert_same(&t, items);
	}
}

static void ascending_inserts_stay_shallow(void **state)
{
	enum { N = 100000 };
	struct item *items = calloc(N, sizeof *items);
	struct tree t;
	int depth = 0;

	tree_init(&t, before, refresh);
	for (int i = 0; i < N; i++) {
		items[i].key = (uint64_t)i;
		tree_insert(&t, &items[i].node);
	}
	assert_subtree(t.root, &depth);
	assert_true(depth < 60); /* about 2 ln N in expectation */
	free(items);
}

static void equal_keys_keep_the_order_of_insertion(void **state)
{
	struct item items[50] = { 0 };
	struct tree t;
	int i = 0;

	tree_init(&t, before, refresh);
	for (i = 0; i < 50; i++)
		tree_insert(&t, &items[i].node);
	i = 0;
	for (struct tree_node *n = tree_first(&t); n; n = tree_next(n))
		assert_ptr_equal(item_of(n), &items[i++]);
	assert_int_equal(i, 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_equals_a_sorted_array),
		cmocka_unit_test(ascending_inserts_stay_shallow),
		cmocka_unit_test(equal_keys_keep_the_order_of_insertion),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
