document.querySelectorAll("details.data").forEach(function (box) {
  var button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy table";
  button.addEventListener("click", function () {
    var selection = window.getSelection();
    var range = document.createRange();
    range.selectNode(box.querySelector("table"));
    selection.removeAllRanges();
    selection.addRange(range);
    button.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
    setTimeout(function () { button.textContent = "Copy table"; }, 2000);
  });
  box.querySelector(".tools").prepend(button);
});
