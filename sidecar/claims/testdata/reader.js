// As reader_jsonc.c, with the JSON of Node.
const lines = require("fs").readFileSync(0, "utf8").split("\n");
lines.pop();

function* names(o) {
	if (o === null || typeof o !== "object") return;
	for (const [key, value] of Object.entries(o)) {
		if (!Array.isArray(o)) yield key;
		yield* names(value);
	}
}

const out = [];
for (const line of lines) {
	try {
		const o = JSON.parse(line);
		out.push([o.sub ?? "", ...names(o)].join("\t"));
	} catch {
		out.push("-");
	}
}
process.stdout.write(out.map((line) => line + "\n").join(""));
