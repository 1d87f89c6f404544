/* test_disk.c - tests of vmcore/disk.c and dir.c */
#include "whole.h"

#include "inode.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, whole_setup, whole_teardown)

static struct vm_inode *root_of(void **state)
{
	return vm_disk_root(((struct whole *)*state)->h);
}

static struct vm_inode *make(struct vm_inode *dir, const char *name, enum vm_inode_kind kind, const char *target)
{
	struct vm_inode *i = NULL;
	struct err e = { 0 };

	if (vm_dir_create(dir, name, kind, 0755, target, &i, &e) < 0)
		fail_msg("%s", e.why);
	return i;
}

static struct vm_inode_info info_of(const struct vm_inode *i)
{
	struct vm_inode_info info;

	vm_inode_info(i, &info);
	return info;
}

static void assert_path(const struct vm_inode *i, const char *path)
{
	g_autofree char *is = vm_inode_path(i);

	assert_string_equal(is, path);
}

static void a_fresh_disk_has_a_tmpfs_at_dev_shm(void **state)
{
	struct whole *m = *state;
	struct err e = { 0 };
	struct vm_inode *shm = vm_disk_lookup(m->h, "/dev/shm", &e);

	assert_non_null(shm);
	assert_true(info_of(shm).tmpfs);
	assert_false(info_of(vm_disk_lookup(m->h, "dev", &e)).tmpfs);
	assert_path(shm, "/dev/shm");
	assert_path(vm_disk_root(m->h), "/");
	assert_int_equal(info_of(vm_disk_root(m->h)).number, 2);
	assert_int_equal(vm_dir_unlink(vm_disk_lookup(m->h, "/dev", &e), "shm", true, &e), -EBUSY);
	assert_int_equal(vm_dir_rename(vm_disk_lookup(m->h, "/dev", &e), "shm", vm_disk_root(m->h), "x", false, &e), -EBUSY);
	assert_checks(m->h);
}

static void names_are_refused_as_linux_refuses_them(void **state)
{
	struct vm_inode *root = root_of(state), *f = make(root, "f", VM_INODE_FILE, NULL);
	struct vm_inode_info before = info_of(root);
	struct err e = { 0 };
	char longest[257];

	memset(longest, 'a', 256);
	longest[256] = '\0';
	assert_int_equal(vm_dir_create(root, longest, VM_INODE_FILE, 0, NULL, NULL, &e), -ENAMETOOLONG);
	assert_int_equal(vm_dir_create(root, "f", VM_INODE_FILE, 0, NULL, NULL, &e), -EEXIST);
	assert_int_equal(vm_dir_create(root, "", VM_INODE_FILE, 0, NULL, NULL, &e), -ENOENT);
	assert_int_equal(vm_dir_create(root, "..", VM_INODE_FILE, 0, NULL, NULL, &e), -EEXIST);
	assert_int_equal(vm_dir_create(root, "a/b", VM_INODE_FILE, 0, NULL, NULL, &e), -EINVAL);
	assert_int_equal(vm_dir_create(f, "a", VM_INODE_FILE, 0, NULL, NULL, &e), -ENOTDIR);
	assert_int_equal(vm_dir_create(root, "l", VM_INODE_LINK, 0, "", NULL, &e), -ENOENT);
	assert_int_equal(vm_dir_unlink(root, "nope", false, &e), -ENOENT);
	assert_int_equal(vm_dir_unlink(root, "f", true, &e), -ENOTDIR);
	assert_int_equal(vm_dir_unlink(root, "dev", false, &e), -EISDIR);
	assert_int_equal(vm_dir_unlink(root, "dev", true, &e), -ENOTEMPTY);
	assert_int_equal(info_of(root).size, before.size);
	assert_int_equal(info_of(root).links, before.links);
	longest[255] = '\0';
	assert_int_equal(vm_dir_create(root, longest, VM_INODE_FILE, 0, NULL, NULL, &e), 0);
	assert_checks(root->host);
}

static void inode_numbers_are_never_used_again(void **state)
{
	struct vm_inode *root = root_of(state);
	uint64_t before = 0;

	for (int k = 0; k < 100; k++) {
		struct vm_inode *i = make(root, "f", VM_INODE_FILE, NULL);

		assert_true(info_of(i).number > before);
		before = info_of(i).number;
		assert_ptr_equal(vm_inode_by_number(root->host, before), i);
		assert_int_equal(vm_dir_unlink(root, "f", false, NULL), 0);
		assert_null(vm_inode_by_number(root->host, before));
	}
}

static void a_reader_of_a_directory_sees_each_name_once_whatever_goes_meanwhile(void **state)
{
	struct vm_inode *root = root_of(state), *dir = make(root, "d", VM_INODE_DIR, NULL), *i;
	uint64_t cookie = 0;
	const char *name;
	char text[16];
	int seen = 0;

	for (int k = 0; k < 1000; k++) {
		g_snprintf(text, sizeof text, "%d", k);
		make(dir, text, VM_INODE_FILE, NULL);
	}
	while (vm_dir_next(dir, &cookie, &name, &i)) {
		int k = atoi(name);

		assert_int_equal(k, seen * 2);
		seen++;
		for (int gone = k; gone <= k + 1; gone++) {
			g_snprintf(text, sizeof text, "%d", gone);
			assert_int_equal(vm_dir_unlink(dir, text, false, NULL), 0);
		}
	}
	assert_int_equal(seen, 500);
	assert_checks(root->host);
	assert_int_equal(vm_dir_unlink(root, "d", true, NULL), 0);
}

static void hard_links_share_an_inode_and_keep_a_path(void **state)
{
	struct vm_inode *root = root_of(state), *dir = make(root, "d", VM_INODE_DIR, NULL);
	struct vm_inode *f = make(root, "f", VM_INODE_FILE, NULL);
	struct err e = { 0 };

	assert_int_equal(vm_dir_link(dir, "g", f, &e), 0);
	assert_int_equal(info_of(f).links, 2);
	assert_path(f, "/f");
	assert_int_equal(vm_dir_link(dir, "g", f, &e), -EEXIST);
	assert_int_equal(vm_dir_link(root, "h", dir, &e), -EPERM);
	assert_int_equal(vm_dir_link(vm_disk_lookup(root->host, "/dev/shm", &e), "h", f, &e), -EXDEV);
	assert_int_equal(vm_dir_unlink(root, "f", false, &e), 0);
	assert_path(f, "/d/g");
	vm_inode_retain(f);
	assert_int_equal(vm_dir_unlink(dir, "g", false, &e), 0);
	assert_true(info_of(f).unlinked);
	assert_path(f, "/d/g");
	assert_int_equal(vm_dir_link(dir, "g", f, &e), -ENOENT);
	assert_checks(root->host);
	vm_inode_release(f);
}

static void rename_replaces_as_linux_does(void **state)
{
	struct vm_inode *root = root_of(state), *a = make(root, "a", VM_INODE_DIR, NULL), *b = make(root, "b", VM_INODE_DIR, NULL);
	struct vm_inode *f = make(root, "f", VM_INODE_FILE, NULL), *g = make(root, "g", VM_INODE_FILE, NULL);
	struct err e = { 0 };
	uint64_t number = info_of(f).number;

	assert_int_equal(vm_dir_rename(root, "f", root, "g", true, &e), -EEXIST);
	assert_int_equal(vm_dir_rename(root, "f", root, "a", false, &e), -EISDIR);
	assert_int_equal(vm_dir_rename(root, "a", root, "f", false, &e), -ENOTDIR);
	assert_int_equal(vm_dir_rename(root, "x", root, "f", false, &e), -ENOENT);
	assert_int_equal(vm_dir_rename(root, "a", a, "x", false, &e), -EINVAL);
	assert_ptr_equal(vm_dir_at(root, "g"), g);
	assert_int_equal(vm_dir_rename(root, "f", root, "g", false, &e), 0);
	assert_int_equal(info_of(vm_dir_at(root, "g")).number, number);
	assert_null(vm_dir_at(root, "f"));
	assert_checks(root->host);
	assert_int_equal(vm_dir_rename(root, "g", a, "h", false, &e), 0);
	assert_path(f, "/a/h");
	assert_int_equal(vm_dir_rename(root, "b", root, "a", false, &e), -ENOTEMPTY);
	assert_int_equal(vm_dir_rename(root, "a", root, "b", false, &e), 0);
	assert_path(f, "/b/h");
	assert_int_equal(vm_dir_rename(a, "h", vm_disk_lookup(root->host, "/dev/shm", &e), "h", false, &e), -EXDEV);
	assert_checks(root->host);
	(void)b;
}

static void lookup_follows_links_inside_the_disk(void **state)
{
	struct vm_inode *root = root_of(state), *d = make(root, "d", VM_INODE_DIR, NULL), *f = make(d, "f", VM_INODE_FILE, NULL);
	struct vm_host *h = root->host;
	struct err e = { 0 };

	make(root, "absolute", VM_INODE_LINK, "/d/f");
	make(d, "relative", VM_INODE_LINK, "../absolute");
	make(root, "loop", VM_INODE_LINK, "loop");
	make(root, "dangling", VM_INODE_LINK, "nowhere");
	assert_ptr_equal(vm_disk_lookup(h, "/d/relative", &e), f);
	assert_ptr_equal(vm_disk_lookup(h, "d/.././/d/f", &e), f);
	assert_ptr_equal(vm_disk_lookup(h, "/../..", &e), root);
	assert_ptr_equal(vm_disk_lookup(h, "/d/", &e), d);
	assert_null(vm_disk_lookup(h, "/loop", &e));
	assert_int_equal(e.code, ELOOP);
	assert_null(vm_disk_lookup(h, "/dangling", &e));
	assert_int_equal(e.code, ENOENT);
	assert_null(vm_disk_lookup(h, "/d/f/x", &e));
	assert_int_equal(e.code, ENOTDIR);
	assert_null(vm_disk_lookup(h, "/d/f/", &e));
	assert_int_equal(e.code, ENOTDIR);
	assert_null(vm_disk_lookup(h, "", &e));
	assert_int_equal(e.code, ENOENT);
}

static void an_unlisted_file_lives_as_long_as_it_is_used(void **state)
{
	struct whole *m = *state;
	struct vm_inode *i = vm_disk_unlisted(m->h, "/usr/bin/cat", 5000);
	uint64_t number = info_of(i).number;
	struct err e = { 0 };

	assert_ptr_equal(vm_disk_unlisted(m->h, "/usr/bin/cat", 100), i);
	assert_int_equal(info_of(i).size, 5000);
	assert_path(i, "/usr/bin/cat");
	assert_false(info_of(i).unlinked);
	assert_null(vm_disk_lookup(m->h, "/usr/bin/cat", &e));
	vm_inode_retain(i);
	assert_checks(m->h);
	vm_inode_release(i);
	assert_null(vm_inode_by_number(m->h, number));
}

static void the_disk_has_an_end(void **state)
{
	struct whole *m = *state;
	struct vm_inode *f = make(vm_disk_root(m->h), "f", VM_INODE_FILE, NULL);
	struct vm_disk_usage usage;
	struct err e = { 0 };
	uint8_t bytes[8192] = { 1 };

	vm_disk_usage(m->h, &usage);
	m->h->disk_used = usage.total - 4096;
	f->taken = usage.total / 4096 - 1;               /* as if the rest were full */
	assert_int_equal(vm_inode_write(f, 0, bytes, sizeof bytes, &e), 4096);
	assert_int_equal(info_of(f).size, 4096);
	assert_int_equal(vm_inode_write(f, 4096, bytes, 1, &e), -ENOSPC);
	assert_int_equal(info_of(f).size, 4096);
	assert_int_equal(vm_inode_write(f, 10, bytes, 1, &e), 1);
	m->h->disk_used -= usage.total - 4096;
	f->taken -= usage.total / 4096 - 1;
	assert_checks(m->h);
}

static void sizes_that_no_file_can_have_are_refused(void **state)
{
	struct vm_inode *root = root_of(state), *f = make(root, "f", VM_INODE_FILE, NULL);
	struct vm_inode *t = make(vm_disk_lookup(root->host, "/dev/shm", NULL), "t", VM_INODE_FILE, NULL);
	const uint64_t most = 0xffffffff000;             /* of ext4 */
	struct err e = { 0 };

	assert_int_equal(vm_inode_truncate(f, most + 1, &e), -EFBIG);
	assert_int_equal(vm_inode_write(f, UINT64_MAX, "x", 1, &e), -EFBIG);
	assert_int_equal(vm_inode_truncate(t, (uint64_t)INT64_MAX + 1, &e), -EFBIG);
	assert_int_equal(vm_inode_truncate(root, 0, &e), -EISDIR);
	assert_int_equal(vm_inode_truncate(t, INT64_MAX, &e), 0);
	assert_int_equal(vm_inode_truncate(t, 1, &e), 0);
	assert_int_equal(vm_inode_truncate(f, most, &e), 0);
	assert_int_equal(vm_inode_write(f, most - 1, "x", 1, &e), 1);
	assert_int_equal(info_of(f).blocks, 8);
	assert_checks(root->host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_fresh_disk_has_a_tmpfs_at_dev_shm),
		TEST(names_are_refused_as_linux_refuses_them),
		TEST(inode_numbers_are_never_used_again),
		TEST(a_reader_of_a_directory_sees_each_name_once_whatever_goes_meanwhile),
		TEST(hard_links_share_an_inode_and_keep_a_path),
		TEST(rename_replaces_as_linux_does),
		TEST(lookup_follows_links_inside_the_disk),
		TEST(an_unlisted_file_lives_as_long_as_it_is_used),
		TEST(the_disk_has_an_end),
		TEST(sizes_that_no_file_can_have_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
