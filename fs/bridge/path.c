/* path.c - where a path of this machine leads, found out without asking our own mount. */
#include "path.h"

#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { LINKS_MAX = 40 };

bool path_leads_to(const char *path, dev_t mount)
{
	g_autofree char *rest = g_strdup(path);
	GString *done = g_string_new(NULL);
	bool ours = false;

	for (unsigned links = 0; *rest && !ours && links < LINKS_MAX; ) {
		size_t len;
		char *name = rest + strspn(rest, "/"), link[4096];
		struct statx st;
		size_t before = done->len;
		ssize_t n;

		len = strcspn(name, "/");
		g_string_append_c(done, '/');
		g_string_append_len(done, name, (gssize)len);
		/* What the kernel remembers is enough, and asks nobody. */
		if (len == 0 || statx(AT_FDCWD, done->str, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &st))
			break;
		ours = mount && makedev(st.stx_dev_major, st.stx_dev_minor) == mount;
		n = !ours && S_ISLNK(st.stx_mode) ? readlink(done->str, link, sizeof link - 1) : -1;
		if (n > 0) {
			char *next;

			link[n] = '\0';
			g_string_truncate(done, link[0] == '/' ? 0 : before);
			next = g_strconcat(link, name + len, NULL);
			g_free(rest);
			rest = next;
			links++;
		} else {
			memmove(rest, name + len, strlen(name + len) + 1);
		}
	}
	g_string_free(done, TRUE);
	return ours;
}

bool path_file(const char *path, struct real_file *out)
{
	struct statx st;

	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, &st))
		return false;
	out->device = makedev(st.stx_dev_major, st.stx_dev_minor);
	out->inode = st.stx_ino;
	return true;
}
