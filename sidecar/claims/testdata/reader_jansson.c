/* As reader_jsonc.c, with jansson. NUL is allowed, as it is in programs that read tokens of others. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static void names(json_t *o) {
	if (json_is_object(o)) {
		const char *key;
		json_t *value;
		json_object_foreach(o, key, value) {
			printf("\t%s", key);
			names(value);
		}
	} else if (json_is_array(o)) {
		for (size_t i = 0; i < json_array_size(o); i++)
			names(json_array_get(o, i));
	}
}

int main(void) {
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	while ((n = getline(&line, &size, stdin)) > 0) {
		json_t *o = json_loadb(line, n, JSON_ALLOW_NUL, NULL);
		if (o == NULL) {
			printf("-\n");
		} else {
			json_t *sub = json_object_get(o, "sub");
			printf("%s", json_is_string(sub) ? json_string_value(sub) : "");
			names(o);
			printf("\n");
		}
		json_decref(o);
	}
	free(line);
	return 0;
}
