/* Prints what a program sees that reads tokens with json-c: for each line of its input the claim sub, then the names of all
   members at any depth, parted by tabs. "-" is a line that it cannot read. */
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void names(struct json_object *o) {
	if (json_object_is_type(o, json_type_object)) {
		json_object_object_foreach(o, key, value) {
			printf("\t%s", key);
			names(value);
		}
	} else if (json_object_is_type(o, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(o); i++)
			names(json_object_array_get_idx(o, i));
	}
}

int main(void) {
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	while ((n = getline(&line, &size, stdin)) > 0) {
		struct json_tokener *reader = json_tokener_new_ex(64);
		struct json_object *o = json_tokener_parse_ex(reader, line, n);
		if (o == NULL) {
			printf("-\n");
		} else {
			struct json_object *sub;
			printf("%s", json_object_object_get_ex(o, "sub", &sub) ? json_object_get_string(sub) : "");
			names(o);
			printf("\n");
		}
		json_object_put(o);
		json_tokener_free(reader);
	}
	free(line);
	return 0;
}
