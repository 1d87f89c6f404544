/* test_disk.c - files/: the simulated disk as an ordinary directory. */
#include "disk.h"
#include "fs_test.h"
#include "vm_disk.h"

static int setup(void **state)
{
	*state = world_with("x86-64", 16 * MiB);
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* SETATTR's bits. */
enum { SET_MODE = 1, SET_UID = 2, SET_GID = 4, SET_SIZE = 8, SET_MTIME = 32 };

static struct node make_file(struct world *w, const char *dir, const char *name)
{
	struct node d = at(w, dir), made;
	struct err e = { 0 };

	assert_int_equal(d.row->dynamic->create(&d, name, 0640, &made, &e), 0);
	return made;
}

static void put(const struct node *n, uint64_t offset, const char *text)
{
	struct err e = { 0 };

	assert_int_equal(n->row->bytes->write(n, offset, text, strlen(text), &e), strlen(text));
}

static char *get(const struct node *n)
{
	uint64_t size = n->row->bytes->size(n);
	char *text = g_malloc0(size + 1);
	struct err e = { 0 };

	assert_int_equal(n->row->bytes->read(n, 0, text, size, &e), size);
	return text;
}

static void what_is_written_is_read(void **state)
{
	struct node f = make_file(*state, "files", "a");

	put(&f, 0, "hello");
	put(&f, 3, "p me");
	g_autofree char *text = get(&f);
	assert_string_equal(text, "help me");
	assert_checked(*state);
}

static void a_file_may_have_holes(void **state)
{
	struct node f = make_file(*state, "files", "a");
	struct err e = { 0 };
	char bytes[4] = "xxxx";

	put(&f, 1 << 20, "end");
	assert_int_equal(f.row->bytes->size(&f), (1 << 20) + 3);
	assert_int_equal(f.row->bytes->read(&f, 5000, bytes, 4, &e), 4);
	assert_memory_equal(bytes, "\0\0\0\0", 4);
	assert_int_equal(f.row->bytes->read(&f, INT64_MAX, bytes, 4, &e), 0);
	assert_checked(*state);
}

static void attributes_are_what_was_set(void **state)
{
	struct node f = make_file(*state, "files", "a");
	struct stat st = { .st_mode = 0751, .st_uid = 5, .st_gid = 6, .st_size = 10, .st_mtim = { 1000000000, 123456789 } };
	struct err e = { 0 };

	put(&f, 0, "hello");
	assert_int_equal(disk_setattr(&f, &st, SET_MODE | SET_UID | SET_GID | SET_SIZE | SET_MTIME, &e), 0);
	memset(&st, 0, sizeof(st));
	assert_int_equal(tree_attr(&f, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0751);
	assert_int_equal(st.st_uid, 5);
	assert_int_equal(st.st_gid, 6);
	assert_int_equal(st.st_mtim.tv_sec, 1000000000);
	assert_int_equal(st.st_mtim.tv_nsec, 123456789);
	assert_int_equal(f.row->bytes->size(&f), 10);
	assert_int_equal(st.st_size, 10);
	assert_true(st.st_ino > (uint64_t)1 << 56);
	assert_int_equal(st.st_nlink, 1);
}

static void a_new_file_belongs_to_the_mounter_and_is_dated(void **state)
{
	struct world *w = *state;
	struct node f = make_file(w, "files", "a");
	struct stat st;

	assert_int_equal(tree_attr(&f, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0640);
	assert_int_equal(st.st_uid, w->uid);
	assert_int_equal(st.st_gid, w->gid);
	assert_int_equal(st.st_mtim.tv_sec, 1735689600);
}

static void directories_links_and_names(void **state)
{
	struct node root = at(*state, "files"), f = make_file(*state, "files", "a"), child, again;
	struct err e = { 0 };
	struct stat st;

	assert_int_equal(disk_dir.mkdir(&root, "d", 0755, &e), 0);
	assert_int_equal(disk_dir.mkdir(&root, "d", 0755, &e), -EEXIST);
	struct node d = at(*state, "files/d");
	assert_int_equal(disk_dir.link(&d, "b", &f, &e), 0);
	assert_int_equal(tree_attr(&f, &st), 0);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(tree_find(&d, "b", &again), 0);
	assert_true(node_equal(&f, &again));
	assert_int_equal(disk_dir.symlink(&d, "l", "../a", &child, &e), 0);
	g_autoptr(GString) text = g_string_new(NULL);
	assert_int_equal(node_show(&child, text, &e), 0);
	assert_string_equal(text->str, "../a");
	assert_int_equal(disk_dir.rmdir(&root, "d", &e), -ENOTEMPTY);
	assert_int_equal(disk_dir.unlink(&root, "d", &e), -EISDIR);
	assert_int_equal(disk_dir.rmdir(&root, "a", &e), -ENOTDIR);
	assert_int_equal(disk_dir.rename(&d, "b", &root, "c", 0, &e), 0);
	assert_int_equal(disk_dir.rename(&root, "c", &root, "a", 1, &e), -EEXIST);
	assert_int_equal(disk_dir.rename(&root, "d", &d, "x", 0, &e), -EINVAL);
	assert_int_equal(disk_dir.rename(&root, "a", &root, "c", 2, &e), -EINVAL);
	assert_int_equal(tree_find(&d, "b", &again), -ENOENT);
	assert_int_equal(disk_dir.unlink(&d, "l", &e), 0);
	assert_int_equal(disk_dir.rmdir(&root, "d", &e), 0);
	assert_int_equal(disk_dir.unlink(&root, "nosuch", &e), -ENOENT);
	assert_checked(*state);
}

static void an_open_file_outlives_its_name(void **state)
{
	struct node root = at(*state, "files"), f = make_file(*state, "files", "a"), child;
	struct err e = { 0 };

	put(&f, 0, "still here");
	f.row->bytes->open(&f);
	assert_int_equal(disk_dir.unlink(&root, "a", &e), 0);
	assert_int_equal(tree_find(&root, "a", &child), -ENOENT);
	g_autofree char *text = get(&f);
	assert_string_equal(text, "still here");
	put(&f, 0, "S");
	assert_true(node_alive(&f));
	f.row->bytes->close(&f);
	assert_false(node_alive(&f));
	assert_int_equal(f.row->bytes->write(&f, 0, "x", 1, &e), -ESTALE);
	assert_checked(*state);
}

static void a_listing_goes_on_where_it_was(void **state)
{
	struct node root = at(*state, "files"), child;
	struct err e = { 0 };
	uint64_t cookie = 0;
	unsigned seen = 0;
	char name[256];

	for (unsigned i = 0; i < 100; i++) {
		g_snprintf(name, sizeof(name), "f%u", i);
		make_file(*state, "files", name);
	}
	while (tree_list(&root, &cookie, name, &child)) {
		seen += name[0] == 'f';
		assert_true(strcmp(name, "f90") || seen == 91);
		if (strcmp(name, "f50") == 0) {
			for (unsigned i = 0; i < 50; i++) {
				g_snprintf(name, sizeof(name), "f%u", i);
				assert_int_equal(disk_dir.unlink(&root, name, &e), 0);
			}
		}
	}
	assert_int_equal(seen, 100);
}

static void a_full_disk_refuses_and_statfs_tells(void **state)
{
	struct node f = make_file(*state, "files", "big"), root = at(*state, "files"), mem = at(*state, "mem/ram");
	g_autofree char *block = g_malloc0(1 << 20);
	struct statvfs before, after;
	struct err e = { 0 };
	ssize_t n = 1;
	uint64_t at_byte = 0;

	assert_true(disk_statfs(&root, &before));
	assert_false(disk_statfs(&mem, &after));
	while ((n = f.row->bytes->write(&f, at_byte, block, 1 << 20, &e)) > 0)
		at_byte += (uint64_t)n;
	assert_int_equal(n, -ENOSPC);
	assert_true(disk_statfs(&f, &after));
	assert_int_equal(after.f_bfree, 0);
	assert_true(at_byte / 4096 <= before.f_bfree);
	assert_int_equal(disk_dir.unlink(&root, "big", &e), 0);
	assert_true(disk_statfs(&root, &after));
	assert_int_equal(after.f_bfree, before.f_bfree);
	assert_checked(*state);
}

static void a_store_through_a_mapping_shows_at_once(void **state)
{
	struct node f = make_file(*state, "files", "a");

	put(&f, 0, "hello");
	run_line(*state, "hosts/host0/ctl", "spawn x bare");
	g_autofree char *addr = command(*state, "proc/2/ctl", "mmap 0x10000000 4K rw- shared,fixed a");
	assert_string_equal(addr, "0x10000000");
	run_line(*state, "proc/2/ctl", "write 0x10000001 \"u\"");
	g_autofree char *text = get(&f);
	assert_string_equal(text, "hullo");
	run_line(*state, "mem/ctl", "writeback");
	run_line(*state, "proc/2/ctl", "munmap 0x10000000 4K");
	run_line(*state, "mem/ctl", "drop_caches");
	g_autofree char *disk = get(&f);
	assert_string_equal(disk, "hullo");
}

static void files_survive_a_new_geometry(void **state)
{
	struct node f = make_file(*state, "files", "a");

	put(&f, 0, "hello");
	run_line(*state, "mem/geometry", "va=9 pa=6 page=8 pte=1 split=3,3 ppn=5+3 valid=4");
	g_autofree char *text = get(&f);
	assert_string_equal(text, "hello");
	put(&f, 5, " you");
	run_line(*state, "mem/geometry", "x86-64");
	g_autofree char *more = get(&f);
	assert_string_equal(more, "hello you");
}

static void the_tree_shows_the_inode_that_maps_prints(void **state)
{
	struct node f = make_file(*state, "files", "a");
	struct stat st;

	put(&f, 0, "hello");
	run_line(*state, "hosts/host0/ctl", "spawn x bare");
	run_line(*state, "proc/2/ctl", "mmap 0x10000000 4K r-- shared,fixed a");
	assert_int_equal(tree_attr(&f, &st), 0);
	g_autofree char *maps = read_path(*state, "proc/2/maps");
	g_autofree char *number = g_strdup_printf(" %" G_GUINT64_FORMAT " ", (uint64_t)st.st_ino);
	assert_true(strstr(maps, number) != NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_written_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_may_have_holes, setup, teardown),
		cmocka_unit_test_setup_teardown(attributes_are_what_was_set, setup, teardown),
		cmocka_unit_test_setup_teardown(a_new_file_belongs_to_the_mounter_and_is_dated, setup, teardown),
		cmocka_unit_test_setup_teardown(directories_links_and_names, setup, teardown),
		cmocka_unit_test_setup_teardown(an_open_file_outlives_its_name, setup, teardown),
		cmocka_unit_test_setup_teardown(a_listing_goes_on_where_it_was, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_refuses_and_statfs_tells, setup, teardown),
		cmocka_unit_test_setup_teardown(a_store_through_a_mapping_shows_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(files_survive_a_new_geometry, setup, teardown),
		cmocka_unit_test_setup_teardown(the_tree_shows_the_inode_that_maps_prints, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
