// What keeps people out by WCAG 2.2, levels A and AA. Frames are asked one by one, from outside.
axe.run(document, {
  iframes: false,
  resultTypes: ["violations"],
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
}).then(({ violations }) => violations.slice(0, 30).map((found) => ({
  id: found.id,
  impact: found.impact || "minor",
  help: found.help.slice(0, 200),
  elements: found.nodes.length,
  first: found.nodes.length ? String(found.nodes[0].target.flat(9).join(" ")).slice(0, 120) : "",
})))
