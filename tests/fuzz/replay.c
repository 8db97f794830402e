/* SPDX-License-Identifier: GPL-2.0-only */
/* Feeds the files of a corpus directory to a fuzz entry point, for builds without libFuzzer. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_REPLAY_BYTES (8 << 20)

static int replay_file(const char *dir, const char *name)
{
	char path[4096];
	uint8_t *data;
	size_t size;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (!f)
		return -errno;
	data = malloc(MAX_REPLAY_BYTES);
	if (!data) {
		fclose(f);
		return -ENOMEM;
	}
	size = fread(data, 1, MAX_REPLAY_BYTES, f);
	fclose(f);
	/* An exact-size copy lets the sanitizer see a read one byte beyond the input. */
	data = realloc(data, size ? size : 1);
	if (!data)
		return -ENOMEM;
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	struct dirent *entry;
	int count = 0, err = 0;
	DIR *dir;

	if (argc != 2) {
		fprintf(stderr, "usage: %s CORPUS_DIR\n", argv[0]);
		return 2;
	}
	dir = opendir(argv[1]);
	if (!dir) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	while (!err && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		err = replay_file(argv[1], entry->d_name);
		count++;
	}
	closedir(dir);
	printf("%d inputs replayed\n", count);
	return err || !count;
}
