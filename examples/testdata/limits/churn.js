// Keeps 120 MiB, and throws 1 GiB away.
const kept = [];
for (let i = 0; i < 120; i++) kept.push(new Array(1 << 17).fill(i + 0.5));
let sum = 0;
for (let i = 0; i < 1024; i++) sum += new Array(1 << 17).fill(i + 0.5)[7];
console.error(`${kept.length} MiB`);
