(ns matchday.server
  "A small HTTP server on the JDK's own: / says who answers and what the configuration tells it to say, /health says
  that it can. It reads its configuration once, at the start."
  (:require [clojure.edn :as edn])
  (:import [com.sun.net.httpserver HttpExchange HttpHandler HttpServer]
           [java.net InetSocketAddress]
           [java.nio.charset StandardCharsets]
           [java.util.concurrent Executors])
  (:gen-class))

(set! *warn-on-reflection* true)

(defn- answer
  "Sends one answer and ends the exchange."
  [^HttpExchange exchange status ^String instance ^String text]
  (let [body (.getBytes text StandardCharsets/UTF_8)]
    (doto (.getResponseHeaders exchange)
      (.set "Content-Type" "text/plain; charset=utf-8")
      (.set "X-Instance" instance))
    (.sendResponseHeaders exchange status (alength body))
    (with-open [out (.getResponseBody exchange)]
      (.write out body))))

(defn- handler
  ^HttpHandler [{:keys [instance greeting]}]
  (reify HttpHandler
    (handle [_ exchange]
      (case (.getPath (.getRequestURI exchange))
        "/"       (answer exchange 200 instance (str greeting "\n"))
        "/health" (answer exchange 200 instance "ok\n")
        (answer exchange 404 instance "there is nothing here\n")))))

(defn start
  "Starts the server that the configuration describes and returns it."
  ^HttpServer [{:keys [port threads] :as config}]
  (doto (HttpServer/create (InetSocketAddress. (int port)) 128)
    (.createContext "/" (handler config))
    (.setExecutor (Executors/newFixedThreadPool (int threads)))
    (.start)))

(defn -main
  "Reads the configuration file and serves until the process is told to end; requests in progress may take 5 seconds."
  [file]
  (let [config (edn/read-string (slurp file))
        server (start config)]
    (.addShutdownHook (Runtime/getRuntime)
                      (Thread. ^Runnable (fn [] (.stop server 1))))
    (println "serving on port" (:port config))))
