// What is wrong with the page that is shown: a list of texts, empty when nothing is.
(() => {
  const named = one => `${one.className || one.tagName}: ${one.textContent.trim().slice(0, 40)}`;
  const all = [...document.querySelectorAll("main *")];
  const found = [];

  const extra = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (extra > 0) found.push(`the page is ${extra} px wider than the window`);

  for (const one of all) {
    const box = one.getBoundingClientRect();
    if (box.width && (box.right > innerWidth + 1 || box.left < -1)) found.push(`outside: ${named(one)}`);
  }

  for (const axis of document.querySelectorAll(".axis")) {
    const marks = [...axis.children].map(one => one.getBoundingClientRect()).filter(box => box.width);
    marks.forEach((box, n) => n && box.left < marks[n - 1].right && found.push(`marks overlap: ${named(axis)}`));
  }

  // WCAG 2.2, 1.4.3: text against the nearest ground that has a colour, at least 4.5.
  const channel = value => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const light = colour => {
    const [r, g, b] = colour.match(/[\d.]+/g).map(value => channel(Number(value) / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const clear = one => /, 0\)|transparent/.test(getComputedStyle(one).backgroundColor);
  for (const one of all) {
    if (![...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())) continue;
    let ground = one;
    while (ground !== document.body && clear(ground)) ground = ground.parentElement;
    const [a, b] = [light(getComputedStyle(one).color), light(getComputedStyle(ground).backgroundColor)];
    if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5) found.push(`pale: ${named(one)}`);
  }
  return found;
})()
