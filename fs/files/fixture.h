/* fixture.h - hosts/H/fixture. */
#ifndef FS_FILES_FIXTURE_H
#define FS_FILES_FIXTURE_H

#include "tree.h"

show_fn show_fixture;

#endif
