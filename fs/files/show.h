/* show.h - what several directories print alike. */
#ifndef FS_SHOW_H
#define FS_SHOW_H

#include "vm_walk.h"

/* VM_PTE_* as letters, those that are set: w write, u user, x exec, a accessed, d dirty, h huge; "-" for none. Returns `text`. */
static inline const char *pte_flags_text(unsigned flags, char text[8])
{
	static const struct { unsigned flag; char letter; } letters[] = {
		{ VM_PTE_WRITE, 'w' }, { VM_PTE_USER, 'u' }, { VM_PTE_EXEC, 'x' }, { VM_PTE_ACCESSED, 'a' },
		{ VM_PTE_DIRTY, 'd' }, { VM_PTE_HUGE, 'h' },
	};
	char *end = text;

	for (unsigned i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
		if (flags & letters[i].flag)
			*end++ = letters[i].letter;
	}
	if (end == text)
		*end++ = '-';
	*end = '\0';
	return text;
}

#endif
